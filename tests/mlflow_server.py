"""A real tracking server for every test that needs one."""

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[1]
_START_SECONDS = 120
_STOP_SECONDS = 20


@dataclass(frozen=True)
class MlflowServer:
    """A running server and who may call it.

    Passwords belong to the users `admin`, `airflow`, `model-server` and `dashboard`.
    """

    url: str
    pid: int
    admin_username: str = "admin"
    admin_password: str = field(repr=False, default="")
    airflow_password: str = field(repr=False, default="")
    model_server_password: str = field(repr=False, default="")
    dashboard_password: str = field(repr=False, default="")


@contextmanager
def _serving(folder: Path) -> Iterator[MlflowServer]:
    environment = mlflow_environment(folder)
    run_prepare(environment)
    process = start_mlflow(environment, folder / "server.log")
    try:
        yield MlflowServer(
            url=f"http://127.0.0.1:{environment['MLFLOW_PORT']}",
            pid=process.pid,
            admin_password=environment["MLFLOW_ADMIN_PASSWORD"],
            airflow_password=environment["MLFLOW_AIRFLOW_PASSWORD"],
            model_server_password=environment["MLFLOW_MODEL_SERVER_PASSWORD"],
            dashboard_password=environment["MLFLOW_DASHBOARD_PASSWORD"],
        )
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def server_fixture() -> Any:
    """A fixture `mlflow_server`: a room that registers models has one of its own, in its conftest.py."""

    @pytest.fixture(scope="session")
    def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
        """A prepared server on a free port with SQLite databases and artifacts in a temporary folder."""
        with _serving(tmp_path_factory.mktemp("mlflow")) as server:
            yield server

    return mlflow_server


mlflow_server = server_fixture()


def mlflow_environment(folder: Path) -> dict[str, str]:
    """The environment of a server whose whole state lies in the folder."""
    # MLflow behaves differently when it finds pytest's variables.
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTEST_"))
    }
    passwords = (
        "ADMIN_PASSWORD",
        "SECRET_KEY",
        "AIRFLOW_PASSWORD",
        "MODEL_SERVER_PASSWORD",
        "DASHBOARD_PASSWORD",
    )
    return inherited | {
        "MLFLOW_PORT": str(free_port()),
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_AUTH_DATABASE_URI": f"sqlite:///{folder}/users.db",
        "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
        **{f"MLFLOW_{name}": secrets.token_urlsafe(18) for name in passwords},
    }


def free_port() -> int:
    """A TCP port of the loopback address that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def run_prepare(environment: dict[str, str]) -> None:
    """Make the databases and users that the environment names."""
    done = subprocess.run(
        [sys.executable, "-m", "services.mlflow", "prepare"],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def start_mlflow(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start the server and wait until it is healthy."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.mlflow"],
            cwd=_ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    deadline = time.monotonic() + _START_SECONDS
    while not is_healthy(f"http://127.0.0.1:{environment['MLFLOW_PORT']}"):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise AssertionError(f"the tracking server did not become healthy:\n{log.read_text()}")
        time.sleep(0.1)
    return process


def is_healthy(url: str) -> bool:
    """Whether the server at the URL answers its health check."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def promotions(found: dict[str, Any]) -> dict[str, str | None]:
    """Of an answer to model-versions/search: each version, and the pipeline run that promoted it, if any."""
    return {
        version["version"]: next(
            (tag["value"].split()[-1] for tag in version["tags"] if tag["key"] == "promotion"), None
        )
        for version in found["model_versions"]
    }
