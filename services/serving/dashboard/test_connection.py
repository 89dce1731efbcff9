import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.serving.dashboard.connection import Away, Connection, Missing, Unauthorized
from services.serving.dashboard.registry import Registry
from tests.mlflow_server import MlflowServer


def test_nothing_that_listens_is_away() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(Away) as found:
            Connection("mlflow", url).get("/health")
    assert found.value.values == {"service": "mlflow", "url": url}


def test_a_wrong_password_is_unauthorized(mlflow_server: MlflowServer) -> None:
    with pytest.raises(Unauthorized):
        Registry(mlflow_server.url, "admin", "wrong").user()


def test_a_model_that_is_not_there_is_missing(mlflow_server: MlflowServer) -> None:
    registry = Registry(mlflow_server.url, "dashboard", mlflow_server.dashboard_password)
    with pytest.raises(Missing):
        registry.model("no-such-model")


def test_another_program_at_the_url_is_told(mlflow_server: MlflowServer) -> None:
    with pytest.raises(Away, match=r"problem\.stranger"):
        Connection("mlflow", mlflow_server.url).get("/health")


def test_many_users_at_once_stay_themselves(mlflow_server: MlflowServer) -> None:
    people = {
        "admin": mlflow_server.admin_password,
        "airflow": mlflow_server.airflow_password,
        "dashboard": mlflow_server.dashboard_password,
    }
    registries = [Registry(mlflow_server.url, name, password) for name, password in people.items()] * 4
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(Registry.user, registries * 5))
    assert found == list(people) * 20
