"""Where the services listen: what a person set, else what the last start used, else the defaults."""

import socket

import psutil
from pydantic import Field

from services.local.environment import HOST
from services.local.failure import Failure
from services.local.state import Port, State
from services.settings import Settings


def _port(key: str, default: int) -> int:
    remedy = f"choose a free port between 1024 and 65535, for example `make up {key}={default + 10000}`"
    field: int = Field(default, alias=key, description=remedy)
    return field


class LocalSettings(Settings):
    """What a person can set for the local platform."""

    mlflow_port: Port = _port("MLFLOW_PORT", 5000)
    airflow_port: Port = _port("AIRFLOW_PORT", 8080)
    model_server_port: Port = _port("MODEL_SERVER_PORT", 8000)
    dashboard_port: Port = _port("DASHBOARD_PORT", 8501)
    prediction_api_port: Port = _port("PREDICTION_API_PORT", 8081)


def chosen_ports(state: State, running: bool) -> dict[str, int]:
    """Each port under its variable's name; raises Failure when one cannot be had."""
    settings = LocalSettings.load()
    kept = state.ports() or {}
    asked = settings.model_dump(by_alias=True, exclude_unset=True)
    ports: dict[str, int] = settings.model_dump(by_alias=True) | kept | asked
    if running:
        refuse_moved(ports, kept)
    else:
        refuse_taken(ports)
    return ports


def refuse_moved(ports: dict[str, int], kept: dict[str, int]) -> None:
    """Raise Failure when a running platform would have to listen elsewhere."""
    for key, port in ports.items():
        if port != kept.get(key):
            raise Failure(
                f"{key} is {port}: expected {kept.get(key)}, where the platform runs. "
                "Remedy: `make down` first."
            )


def refuse_taken(ports: dict[str, int]) -> None:
    """Raise Failure when two services would share a port, or another program listens on one."""
    for key, port in ports.items():
        other = port + 10000 if port < 50000 else port - 10000
        if list(ports.values()).count(port) > 1:
            raise Failure(f"{key} is {port}: expected a port of its own. Remedy: `make up {key}={other}`.")
        if not _free(port):
            raise Failure(
                f"{key} is {port}: expected a free port, but {_holder(port)} listens there. "
                f"Remedy: stop it, or `make up {key}={other}`."
            )


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return "another program"
