"""A real registry with models of many kinds, and real model servers on free ports."""

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.serving.model_server.models_for_tests import log_models
from tests.mlflow_server import MlflowServer, free_port, server_fixture

with warnings.catch_warnings():  # of MLflow's own while it is imported; the tests' strictness is for us
    warnings.simplefilter("ignore")
    import mlflow.pyfunc  # noqa: F401

Running = Callable[..., AbstractContextManager[httpx.Client]]
KEYS = '{"dashboard": "key-of-the-dashboard", "tests": "key-of-the-tests"}'

mlflow_server = server_fixture()


@pytest.fixture(scope="session")
def registry_environment(mlflow_server: MlflowServer) -> dict[str, str]:
    """The environment of the user that the model server is."""
    return {
        "MLFLOW_TRACKING_URI": mlflow_server.url,
        "MLFLOW_TRACKING_USERNAME": "model-server",
        "MLFLOW_TRACKING_PASSWORD": mlflow_server.model_server_password,
    }


@pytest.fixture(scope="session")
def trained(mlflow_server: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was fitted, by registered name; the registry has it."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
        patch.setenv("MLFLOW_TRACKING_USERNAME", "airflow")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", mlflow_server.airflow_password)
        return log_models(mlflow_server.url, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def running(registry_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Running:
    """Start a model server with further settings, for as long as the context lasts."""

    @contextmanager
    def start(**settings: str) -> Iterator[httpx.Client]:
        with server_process(registry_environment | settings, tmp_path_factory.mktemp("server")) as client:
            yield client

    return start


@pytest.fixture(scope="session")
def server(trained: dict[str, Any], running: Running) -> Iterator[httpx.Client]:
    """A client of one open server, with the settings' defaults."""
    with running() as client:
        yield client


@contextmanager
def server_process(environment: dict[str, str], folder: Path) -> Iterator[httpx.Client]:
    port = free_port()
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MODEL_"))
    }
    command = [sys.executable, "-m", "services.serving.model_server"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=inherited | {"MODEL_SERVER_PORT": str(port)} | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            deadline = time.monotonic() + 120
            while not _answers(client) or "starting" in client.get("/readyz").text:
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the model server did not start:\n{(folder / 'log').read_text()}")
                time.sleep(0.05)
            yield client
    finally:
        process.terminate()
        process.wait(30)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False
