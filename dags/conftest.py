"""The libraries warn about themselves while they are imported; the tests' strictness is for us."""

import importlib
import os
import warnings

import pytest

from tests.mlflow_server import MlflowServer, server_fixture

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for library in ("mlflow.pyfunc", "mlflow.sklearn", "skops.io"):
        importlib.import_module(library)

mlflow_server = server_fixture()


@pytest.fixture
def as_airflow(mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow clients in the test are Airflow's user of a real server, as in a task."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "airflow")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", mlflow_server.airflow_password)
