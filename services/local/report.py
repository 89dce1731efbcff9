"""How the services are: what supervisord says, and what each says of itself over HTTP."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import psutil

from services.local.environment import HOST
from services.local.supervision import Supervisor
from services.role import Service
from services.roles import ROLES

PORT_OF = {
    "mlflow": "MLFLOW_PORT",
    "airflow-api-server": "AIRFLOW_PORT",
    "fastapi": "MODEL_SERVER_PORT",
    "streamlit": "DASHBOARD_PORT",
    "flask": "PREDICTION_API_PORT",
}


@dataclass(frozen=True)
class Row:
    """A service as `make status` shows it; memory is the PSS of its process group, in MB."""

    name: str
    state: str
    healthy: bool
    pid: int
    seconds: int
    memory_mb: float
    url: str


def healthy(service: Service, ports: Mapping[str, int]) -> bool:
    """Whether a service that listens answers its health check; one that does not listen counts as healthy."""
    if service.port is None:
        return True
    try:
        return (
            httpx.get(f"{address(service, ports)}{service.health}", timeout=5).status_code == httpx.codes.OK
        )
    except httpx.HTTPError:
        return False


def address(service: Service, ports: Mapping[str, int]) -> str:
    """Where a service is reached, empty for one that does not listen."""
    return f"http://{HOST}:{ports[PORT_OF[service.name]]}" if service.port else ""


def rows(supervisor: Supervisor, ports: Mapping[str, int]) -> list[Row]:
    """One row a service, in the order of the roles."""
    services = [service for role in ROLES for service in role.services]
    if not supervisor.running():
        return [Row(service.name, "STOPPED", False, 0, 0, 0, address(service, ports)) for service in services]
    memory = _memory_mb(supervisor)
    found = []
    for service in services:
        told = supervisor.service(service)
        runs = told["statename"] == "RUNNING"
        found.append(
            Row(
                service.name,
                told["statename"],
                runs and healthy(service, ports),
                told["pid"],
                int(time.time() - told["start"]) if runs else 0,
                memory.get(told["pid"], 0),
                address(service, ports),
            )
        )
    return found


def table(found: list[Row]) -> str:
    """The rows as text, with the memory of all together."""
    lines = [f"{'SERVICE':<22}{'STATE':<10}{'HEALTH':<9}{'PID':>8}{'UP':>8}{'MB':>7}  URL"]
    for row in found:
        health = "ok" if row.healthy else "down"
        line = f"{row.name:<22}{row.state:<10}{health:<9}{row.pid:>8}{row.seconds:>7}s{row.memory_mb:>7.0f}"
        lines.append(f"{line}  {row.url}".rstrip())
    lines.append(f"{'together':<22}{'':<10}{'':<9}{'':>8}{'':>8}{sum(row.memory_mb for row in found):>7.0f}")
    return "\n".join(lines)


def _memory_mb(supervisor: Supervisor) -> dict[int, float]:
    """PSS by process group: supervisord makes each service the leader of its own."""
    groups: dict[int, float] = {}
    for process in supervisor.processes():
        try:
            group = os.getpgid(process.pid)
            used = process.memory_full_info()
        except (psutil.Error, ProcessLookupError):
            continue
        groups[group] = groups.get(group, 0) + getattr(used, "pss", used.uss) / 2**20
    return groups
