"""A real platform behind the dashboard: tracking server, trained versions, people, model server."""

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import mlflow
import pytest

from services.serving.dashboard.registry import Registry
from tests.mlflow_server import MlflowServer, free_port, server_fixture

MODEL = "iris-classifier"
KEY = "a-key-for-tests-only"
_START_SECONDS = 60

mlflow_server = server_fixture()


@dataclass(frozen=True)
class Platform:
    """Where the services are; `reader` may only read, `editor` may change the model."""

    mlflow: MlflowServer
    model_server: str
    editor: str = "bia"
    reader: str = "ana"
    password: str = field(repr=False, default="a-long-password-1")

    def registry(self) -> Registry:
        return Registry(self.mlflow.url, self.mlflow.admin_username, self.mlflow.admin_password)

    def aliases(self) -> dict[str, str]:
        return self.registry().model(MODEL).aliases

    def reset(self) -> None:
        """Version 1 is champion, promoted by the pipeline, and nothing is previous."""
        registry = self.registry()
        registry.set_alias(MODEL, "champion", "1")
        registry.delete_alias(MODEL, "previous")
        audit = {
            "promoted_by": "airflow",
            "promoted_at": "2026-02-03T12:00:00+00:00",
            "promotion": "pipeline run 7",
        }
        for key, value in audit.items():
            registry.set_tag(MODEL, "1", key, value)


@pytest.fixture(scope="session")
def platform(mlflow_server: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Three trained versions of the model, two people, and a model server that serves them."""
    _train(mlflow_server)
    environment = {
        "MLFLOW_TRACKING_URI": mlflow_server.url,
        "MLFLOW_TRACKING_USERNAME": "model-server",
        "MLFLOW_TRACKING_PASSWORD": mlflow_server.model_server_password,
        "MODEL_SERVER_PORT": str(free_port()),
        "MODEL_SERVER_API_KEYS": f'{{"dashboard": "{KEY}"}}',
    }
    url = f"http://127.0.0.1:{environment['MODEL_SERVER_PORT']}"
    log = tmp_path_factory.mktemp("model-server") / "log"
    with running("services.serving.model_server", environment, f"{url}/readyz", log):
        platform = Platform(mlflow_server, url)
        _invite(platform)
        yield platform


@pytest.fixture(scope="session")
def dashboard(
    platform: Platform, start_dashboard: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The URL of a dashboard whose MLflow and model server are there, and whose Airflow is away."""
    return start_dashboard(
        MLFLOW_TRACKING_URI=platform.mlflow.url,
        MLFLOW_TRACKING_PASSWORD=platform.mlflow.dashboard_password,
        MODEL_SERVER_URL=platform.model_server,
        MODEL_SERVER_API_KEY=KEY,
    )


@pytest.fixture(scope="session")
def start_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start a dashboard with these settings and get its URL; services not named are away."""
    running_ones = []

    def start(**settings: str) -> str:
        port = free_port()
        environment = {
            "DASHBOARD_PORT": str(port),
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}",
            "MLFLOW_TRACKING_USERNAME": "dashboard",
            "MLFLOW_TRACKING_PASSWORD": "unused",
            "MODEL_SERVER_URL": f"http://127.0.0.1:{free_port()}",
            "AIRFLOW_URL": f"http://127.0.0.1:{free_port()}",
            "PREDICTION_API_URL": f"http://127.0.0.1:{free_port()}",
            **settings,
        }
        url = f"http://127.0.0.1:{port}"
        log = tmp_path_factory.mktemp("dashboard") / "log"
        process = running("services.serving.dashboard", environment, f"{url}/_stcore/health", log)
        process.__enter__()
        running_ones.append((process, log))
        return url

    yield start
    for process, log in running_ones:
        process.__exit__(None, None, None)
        written = log.read_text()
        assert "Traceback" not in written, written
        assert "a-long-password-1" not in written
        assert KEY not in written


@contextmanager
def running(module: str, environment: dict[str, str], health: str, log: Path) -> Iterator[None]:
    """Run a service until the end of the block; it must get healthy, and end by itself on SIGTERM."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module], env=inherited | environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(health):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def _invite(platform: Platform) -> None:
    admin = httpx.Client(
        base_url=platform.mlflow.url,
        auth=(platform.mlflow.admin_username, platform.mlflow.admin_password),
    )
    with admin:
        for name in (platform.editor, platform.reader):
            person = {"username": name, "password": platform.password}
            admin.post("/api/2.0/mlflow/users/create", json=person).raise_for_status()
        grant = {"username": platform.editor, "resource_type": "registered_model", "permission": "EDIT"}
        admin.post(
            "/api/3.0/mlflow/users/permissions/grant", json={**grant, "resource_id": MODEL}
        ).raise_for_status()


def _train(server: MlflowServer) -> None:
    from mlflow.models import infer_signature
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    iris = load_iris(as_frame=True)
    rows = iris.data.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
    ranges = {
        name: {"minimum": float(rows[name].min()), "maximum": float(rows[name].max()), "unit": "cm"}
        for name in rows.columns
    }
    with pytest.MonkeyPatch.context() as environment, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        environment.setenv("MLFLOW_TRACKING_URI", server.url)
        environment.setenv("MLFLOW_TRACKING_USERNAME", server.admin_username)
        environment.setenv("MLFLOW_TRACKING_PASSWORD", server.admin_password)
        mlflow.set_experiment("iris-training")
        for strength in (0.01, 0.1, 10.0):
            with mlflow.start_run(run_name=f"regression {strength:g}"):
                model = LogisticRegression(C=strength, max_iter=1000).fit(rows, iris.target)
                mlflow.log_params({"estimator": "LogisticRegression", "C": strength})
                mlflow.log_metric("accuracy", float(model.score(rows, iris.target)))
                for step in range(5):
                    mlflow.log_metric("loss", 1 / (step + 1), step=step)
                mlflow.sklearn.log_model(
                    model,
                    name="model",
                    registered_model_name=MODEL,
                    signature=infer_signature(rows, model.predict(rows)),
                    serialization_format="cloudpickle",
                    pip_requirements=["scikit-learn"],
                    metadata={"classes": ["Setosa", "Versicolor", "Virginica"], "inputs": ranges},
                )
