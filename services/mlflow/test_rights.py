"""Over HTTP, on a real server: what each user can and cannot do."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.server import handlers

from services.mlflow.rights import is_read
from tests.mlflow_server import MlflowServer

_API = "/api/2.0/mlflow"
_WRITE_METHODS = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def http(mlflow_server: MlflowServer) -> Iterator[dict[str, httpx.Client]]:
    """A client for each user, by name."""
    passwords = {
        "admin": mlflow_server.admin_password,
        "airflow": mlflow_server.airflow_password,
        "model-server": mlflow_server.model_server_password,
        "dashboard": mlflow_server.dashboard_password,
    }
    clients = {
        name: httpx.Client(base_url=mlflow_server.url, auth=(name, password), timeout=30)
        for name, password in passwords.items()
    }
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture(scope="module")
def as_user(mlflow_server: MlflowServer) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MLFLOW_TRACKING_USERNAME", "airflow")
        environment.setenv("MLFLOW_TRACKING_PASSWORD", mlflow_server.airflow_password)
        yield environment


@pytest.fixture(scope="module")
def trained(
    mlflow_server: MlflowServer, as_user: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str, str]:
    """Experiment id, run id and model name of what Airflow's user trained, registered and promoted."""
    client = MlflowClient(mlflow_server.url, mlflow_server.url)
    name = f"model-{uuid.uuid4().hex[:8]}"
    artifact = tmp_path_factory.mktemp("artifact") / "model.txt"
    artifact.write_text("weights")
    experiment_id = client.create_experiment(f"training-{name}")
    run = client.create_run(experiment_id)
    client.log_metric(run.info.run_id, "accuracy", 0.97)
    client.log_artifact(run.info.run_id, str(artifact), "model")
    client.set_terminated(run.info.run_id)
    client.create_registered_model(name)
    version = client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
    client.set_registered_model_alias(name, "champion", version.version)
    client.set_model_version_tag(name, version.version, "promoted_by", "airflow")
    with pytest.warns(FutureWarning, match="stages"):
        client.transition_model_version_stage(name, version.version, "Production")
    return experiment_id, run.info.run_id, name


def test_airflow_trains_registers_and_promotes(
    mlflow_server: MlflowServer, trained: tuple[str, str, str], tmp_path: Path
) -> None:
    _, run_id, name = trained
    client = MlflowClient(mlflow_server.url, mlflow_server.url)
    version = client.get_model_version_by_alias(name, "champion")
    assert (version.run_id, version.tags["promoted_by"]) == (run_id, "airflow")
    assert client.get_run(run_id).info.artifact_uri.startswith("mlflow-artifacts:/")
    downloaded = client.download_artifacts(run_id, "model/model.txt", str(tmp_path))
    assert Path(downloaded).read_text() == "weights"


@pytest.mark.parametrize("user", ["model-server", "dashboard"])
def test_a_reader_reads_everything(
    http: dict[str, httpx.Client], trained: tuple[str, str, str], user: str
) -> None:
    experiment_id, run_id, name = trained
    client = http[user]
    artifact = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts/model/model.txt"
    answers = [
        client.get("/"),
        client.get("/version"),
        client.get(f"{_API}/runs/get", params={"run_id": run_id}),
        client.post(f"{_API}/experiments/search", json={"max_results": 10}),
        client.post(f"{_API}/runs/search", json={"experiment_ids": [experiment_id]}),
        client.get(f"{_API}/registered-models/search"),
        client.get(f"{_API}/registered-models/alias", params={"name": name, "alias": "champion"}),
        client.post(f"{_API}/registered-models/get-latest-versions", json={"name": name}),
        client.get(f"{_API}/model-versions/search", params={"filter": f"name='{name}'"}),
        client.get(f"{_API}/metrics/get-history", params={"run_id": run_id, "metric_key": "accuracy"}),
        client.get(f"{_API}/artifacts/list", params={"run_id": run_id}),
        client.get(artifact),
        client.post(
            "/graphql",
            json={"query": f'{{mlflowGetRun(input:{{runId:"{run_id}"}}){{run{{info{{runId}}}}}}}}'},
        ),
    ]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert answers[11].text == "weights"
    assert run_id in answers[-1].text


def test_a_reader_is_refused_on_every_route_that_writes(http: dict[str, httpx.Client]) -> None:
    routes = {
        (method, path.replace("<path:artifact_path>", "0/x").replace("<", "").replace(">", ""))
        for path, _, methods in handlers.get_endpoints()  # type: ignore[no-untyped-call]
        for method in methods
        if method in _WRITE_METHODS
    }
    writes = sorted(route for route in routes if not is_read(*route))
    assert len(writes) > 100
    refused = {route: http["dashboard"].request(*route, json={}).status_code for route in writes}
    assert {route: status for route, status in refused.items() if status != 403} == {}


@pytest.mark.parametrize("user", ["model-server", "dashboard"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{_API}/experiments/create", {"name": "mine"}),
        ("POST", f"{_API}/runs/create", {"experiment_id": "0"}),
        ("POST", f"{_API}/registered-models/create", {"name": "mine"}),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/mine.txt", {}),
        ("PUT", "/ajax-api/2.0/mlflow-artifacts/artifacts/0/mine.txt", {}),
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/0/mine.txt", {}),
        ("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=0&path=mine.txt", {}),
        ("POST", "/v1/traces", {}),
        ("POST", "/ajax-api/3.0/mlflow/demo/generate", {}),
        (
            "PATCH",
            f"{_API}/users/update-password",
            {"username": "dashboard", "password": "a-longer-password"},
        ),
        ("POST", f"{_API}/users/create", {"username": "mine", "password": "a-longer-password"}),
        ("POST", "/api/3.0/mlflow/roles/create", {"name": "mine"}),
    ],
)
def test_a_reader_creates_and_changes_nothing(
    http: dict[str, httpx.Client], user: str, method: str, path: str, body: dict[str, str]
) -> None:
    assert http[user].request(method, path, json=body).status_code == 403


def test_airflow_works_on_what_somebody_else_created_and_deletes_none_of_it(
    mlflow_server: MlflowServer, http: dict[str, httpx.Client], as_user: pytest.MonkeyPatch
) -> None:
    name = f"by-hand-{uuid.uuid4().hex[:8]}"
    admin = http["admin"]
    experiment_id = admin.post(f"{_API}/experiments/create", json={"name": name}).json()["experiment_id"]
    admin.post(f"{_API}/registered-models/create", json={"name": name}).raise_for_status()
    client = MlflowClient(mlflow_server.url, mlflow_server.url)
    run = client.create_run(experiment_id)
    client.log_text(run.info.run_id, "weights", "model/model.txt")
    version = client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
    client.set_registered_model_alias(name, "champion", version.version)
    airflow = http["airflow"]
    assert (
        airflow.request("DELETE", f"{_API}/registered-models/delete", json={"name": name}).status_code == 403
    )
    assert (
        airflow.post(f"{_API}/experiments/delete", json={"experiment_id": experiment_id}).status_code == 403
    )


def test_airflow_administers_no_users(http: dict[str, httpx.Client]) -> None:
    user = {"username": "mine", "password": "a-longer-password"}
    assert http["airflow"].post(f"{_API}/users/create", json=user).status_code == 403


@pytest.mark.parametrize("user", ["airflow", "admin"])
def test_nobody_uses_the_assistant(http: dict[str, httpx.Client], user: str) -> None:
    answer = http[user].get("/ajax-api/3.0/mlflow/assistant/config")
    assert (answer.status_code, "switched off" in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", f"{_API}/experiments/get?experiment_id=0"),
        ("POST", f"{_API}/experiments/create"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/0/x"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/x"),
        ("POST", "/graphql"),
    ],
)
def test_who_does_not_sign_in_gets_401(mlflow_server: MlflowServer, method: str, path: str) -> None:
    assert httpx.request(method, mlflow_server.url + path).status_code == 401
    assert httpx.request(method, mlflow_server.url + path, auth=("admin", "wrong")).status_code == 401
    for header in ("Bearer token", "Basic !", "Basic"):
        answer = httpx.request(method, mlflow_server.url + path, headers={"Authorization": header})
        assert answer.status_code == 401, header


def test_health_needs_no_password(mlflow_server: MlflowServer) -> None:
    assert httpx.get(f"{mlflow_server.url}/health").text == "OK"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", f"{_API}/experiments/create", True),
        ("POST", f"{_API}/runs/search", True),
        ("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", True),
        ("POST", "/graphql", True),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/search", False),
        ("POST", f"{_API}/runs/create", False),
        ("PUT", f"{_API}/runs/search", False),
        ("DELETE", "/graphql", False),
    ],
)
def test_what_counts_as_reading(method: str, path: str, expected: bool) -> None:
    assert is_read(method, path) is expected
