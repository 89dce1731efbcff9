"""Real services for the page's tests: a registry with a champion, the model server, the prediction API."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mlflow_server import MlflowServer, free_port

KEY = "the-key-of-the-prediction-api"


@pytest.fixture(scope="session")
def champion(mlflow_server: MlflowServer) -> MlflowServer:
    """The tracking server, once the iris classifier has a champion."""
    user = client_of(mlflow_server, "airflow", mlflow_server.airflow_password)
    trained = subprocess.run(
        [sys.executable, "-m", "tests.page.train"], env=user, capture_output=True, text=True, check=False
    )
    assert trained.returncode == 0, trained.stderr
    return mlflow_server


@pytest.fixture(scope="session")
def model_server(champion: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The model server's URL; it asks for KEY."""
    environment = client_of(champion, "model-server", champion.model_server_password)
    port = free_port()
    environment |= {
        "MODEL_SERVER_PORT": str(port),
        "MODEL_SERVER_API_KEYS": json.dumps({"prediction-api": KEY}),
    }
    with service(
        "services.serving.model_server", port, environment, tmp_path_factory.mktemp("model-server"), "/readyz"
    ) as url:
        yield url


@pytest.fixture(scope="session")
def prediction_api(model_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The prediction API's URL, all well."""
    with prediction_api_on(model_server, tmp_path_factory.mktemp("prediction-api")) as url:
        yield url


@contextmanager
def prediction_api_on(
    model_server: str, folder: Path, model: str = "iris-classifier", port: int | None = None
) -> Iterator[str]:
    """A prediction API on top of the model server at this URL."""
    port = port or free_port()
    environment = {
        "PREDICTION_API_PORT": str(port),
        "PREDICTION_API_MODEL": model,
        "MODEL_SERVER_URL": model_server,
        "MODEL_SERVER_API_KEY": KEY,
    }
    with service("services.serving.prediction_api", port, os.environ | environment, folder) as url:
        yield url


@contextmanager
def service(
    module: str, port: int, environment: dict[str, str], folder: Path, check: str = "/healthz"
) -> Iterator[str]:
    """The service's URL while it runs; fails with its log when the check does not answer 200 in 60 s."""
    log = folder / "log"
    url = f"http://127.0.0.1:{port}"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module], env=environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 60
        while not answers(f"{url}{check}"):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{module} did not become healthy:\n{log.read_text()}")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def answers(url: str) -> bool:
    """Whether a check answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def client_of(server: MlflowServer, username: str, password: str) -> dict[str, str]:
    """The environment of a client that acts as this user."""
    return os.environ | {
        "MLFLOW_TRACKING_URI": server.url,
        "MLFLOW_TRACKING_USERNAME": username,
        "MLFLOW_TRACKING_PASSWORD": password,
    }
