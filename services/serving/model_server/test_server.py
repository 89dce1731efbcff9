"""The server as a process, against a real registry."""

import json
import re
import threading
import time
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from mlflow import MlflowClient

from services.serving.model_server.conftest import KEYS, Running
from services.serving.model_server.models_for_tests import CLASSES, COLUMNS, IRIS, UNSIGNED
from tests.mlflow_server import MlflowServer

ROW = [5.1, 3.5, 1.4, 0.2]
NAMED = dict(zip(COLUMNS, ROW, strict=True))


@pytest.fixture
def registry(mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """The registry, as the user who registered the models."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "airflow")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", mlflow_server.airflow_password)
    return MlflowClient(mlflow_server.url, mlflow_server.url)


def test_the_service_says_what_it_is_and_that_it_is_ready(server: httpx.Client) -> None:
    assert server.get("/").json() == {"status": "ok", "service": "model-server", "version": "0.1.0"}
    assert server.get("/healthz").json() == {"status": "ok"}
    assert server.get("/readyz").json() == {"status": "ready"}


def test_its_documentation_takes_nothing_from_elsewhere(server: httpx.Client) -> None:
    loaded = re.findall(r'(?:src|href)="([^"]+)"', server.get("/docs").text)
    assert loaded
    for source in loaded:
        assert source.startswith("/")
        assert server.get(source).is_success


def test_models_and_versions_are_listed(server: httpx.Client) -> None:
    models = {model["name"]: model for model in server.get("/models").json()["models"]}
    assert models[IRIS] == {
        "name": IRIS,
        "description": "",
        "aliases": {"champion": "1"},
        "latest_version": "1",
    }
    answer = server.get(f"/models/{IRIS}/versions").json()
    assert answer["name"] == IRIS
    (version,) = answer["versions"]
    assert version["created_at"].endswith("Z")
    assert version["run_id"] is None or len(version["run_id"]) == 32
    assert (version["version"], version["aliases"], version["stage"], version["tags"]) == (
        "1",
        ["champion"],
        "Production",
        {"promoted_by": "tests"},
    )


def test_the_schema_has_types_ranges_and_classes(server: httpx.Client) -> None:
    answer = server.get(f"/models/{IRIS}/versions/champion/schema").json()
    assert (answer["name"], answer["version"], answer["classes"]) == (IRIS, "1", CLASSES)
    assert [column["name"] for column in answer["inputs"]] == COLUMNS
    assert answer["inputs"][0] == {
        "name": "sepal_length",
        "type": "double",
        "required": True,
        "minimum": 4.3,
        "maximum": 7.9,
        "unit": "cm",
    }


@pytest.mark.parametrize(
    "row", [ROW, NAMED, dict(reversed(NAMED.items()))], ids=["list", "named", "other order"]
)
@pytest.mark.parametrize("reference", [None, "champion", "1", "01", "Production", "production", "latest"])
def test_rows_are_predicted_by_every_reference(server: httpx.Client, reference: str | None, row: Any) -> None:
    path = f"/predict/{IRIS}" + (f"/{reference}" if reference else "")
    answer = server.post(path, json={"data": [row, row]}).json()
    probabilities = answer.pop("probabilities")
    assert answer == {
        "predictions": [0, 0],
        "model_name": IRIS,
        "model_version": reference or "champion",
        "version": "1",
        "classes": CLASSES,
    }
    assert sum(probabilities[1]) == pytest.approx(1)


def test_one_named_row_is_predicted_with_the_default_model(server: httpx.Client) -> None:
    answer = server.post("/predict", json=NAMED).json()
    assert answer["prediction"] == "Setosa"
    assert 0.9 < answer["probability"] <= 1


@pytest.mark.parametrize(
    ("path", "body", "loc", "message"),
    [
        ("/predict", NAMED | {"petal_width": "wide"}, ["body", "petal_width"], "expected double, got 'wide'"),
        ("/predict", {}, ["body", "sepal_length"], "expected double, got nothing"),
        ("/predict/X", {}, ["body", "data"], "expected rows, got nothing"),
        ("/predict/X", {"data": []}, ["body", "data"], "expected a list of at least one row"),
        ("/predict/X", {"data": ROW}, ["body", "data", 0], "expected a list of 4 values"),
        ("/predict/X", {"data": [ROW[:3]]}, ["body", "data", 0], "expected 4 values"),
        ("/predict/X", {"data": [ROW, [1, 2, None, 4]]}, ["body", "data", 1, "petal_length"], "got null"),
        ("/predict/X", {"data": [[1, 2, 3, True]]}, ["body", "data", 0, "petal_width"], "got true"),
        ("/predict/X", {"data": [NAMED | {"leaf": 1}]}, ["body", "data", 0, "leaf"], "got also 'leaf'"),
        ("/predict/X", [], ["body"], "expected a JSON object"),
    ],
)
def test_unfit_data_are_refused_with_column_expected_and_got(
    server: httpx.Client, path: str, body: Any, loc: list[Any], message: str
) -> None:
    answer = server.post(path.replace("X", IRIS), json=body)
    assert answer.status_code == 422
    problem = answer.json()["detail"][0]
    assert problem["loc"] == loc
    assert message in problem["msg"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"data": [[NaN]]}', b'{"data": [[1e999]]}', b"\xff", b"[" * 5000]
)
def test_what_is_not_json_is_refused(server: httpx.Client, body: bytes) -> None:
    answer = server.post(f"/predict/{IRIS}", content=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"].startswith("expected JSON")


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        f"{IRIS}/99",
        f"{IRIS}/99999999999999999999",
        f"{IRIS}/nobody",
        f"{IRIS}/Staging",
        f"{IRIS}/%00",
        f"{IRIS}/²",
        "a%00b",
        "a:b",
        "..%2Firis",
        "%ff",
        "x" * 2000,
    ],
)
def test_what_is_not_in_the_registry_is_404(server: httpx.Client, path: str) -> None:
    answer = server.post(f"/predict/{path}", json={"data": [ROW]})
    assert answer.status_code == 404, answer.text
    assert "not in the registry" in answer.json()["detail"]


def test_a_model_without_signature_and_with_an_odd_name_is_served(server: httpx.Client) -> None:
    name = quote(UNSIGNED, safe="")
    assert server.get(f"/models/{name}/versions").json()["versions"][0]["version"] == "1"
    assert server.post(f"/predict/{name}", json={"data": [ROW]}).json()["predictions"] == [0]
    wrong = server.post(f"/predict/{name}", json={"data": [ROW[:3]]})
    assert wrong.status_code == 422
    text = server.post(f"/predict/{name}", json={"data": [[*ROW[:3], "wide"]]})
    assert text.status_code == 422


def test_labels_of_text_and_text_columns_are_served(server: httpx.Client) -> None:
    answer = server.post("/predict/mixed", json={"data": [[*ROW, "blue"]]}).json()
    assert answer["predictions"] == ["Setosa"]
    assert answer["classes"] is None
    unknown = server.post("/predict/mixed", json={"data": [[*ROW, "green"]]})
    assert unknown.status_code == 422
    assert "refused the data" in unknown.json()["detail"][0]["msg"]


def test_a_skops_model_is_loaded_with_the_types_that_its_logger_trusted(server: httpx.Client) -> None:
    assert server.post("/predict/forest", json={"data": [ROW]}).json()["predictions"] == [0]


def test_a_model_without_probabilities_has_none(server: httpx.Client) -> None:
    answer = server.post("/predict/array", json={"data": [ROW]}).json()
    assert answer["probabilities"] is None
    assert isinstance(answer["predictions"][0], float)


def test_every_column_type_is_read(server: httpx.Client) -> None:
    row = {
        "boolean": True,
        "integer": 2**31 - 1,
        "long": -(2**63),
        "float": 1.5,
        "double": None,
        "string": "ã",
        "binary": "AAE=",
        "datetime": "2026-01-02T03:04:05+01:00",
        "array": [1, 2],
        "object": {"a": 1},
        "map": {"k": 3},
    }
    answer = server.post("/predict/types/1", json={"data": [row]})
    assert answer.status_code == 200, answer.text
    told = answer.json()["predictions"][0]
    assert told["datetime"].startswith("2026-01-02")
    assert {**told, "datetime": None} == {**row, "datetime": None, "float": 1.5}


def test_tensors_are_read(server: httpx.Client) -> None:
    image = [[1, 2, 3], [4, 5, 6]]
    assert server.post("/predict/image/1", json={"data": [image, image]}).json()["predictions"] == [
        image,
        image,
    ]
    wrong = server.post("/predict/image/1", json={"data": [[[1, 2, 3], [4, 5, "6"]]]})
    assert wrong.json()["detail"][0]["loc"] == ["body", "data", 0, 1, 2]
    rows = [{"ids": 1, "points": [0.5, 1]}, {"ids": 2, "points": [2, 3]}]
    answer = server.post("/predict/tensors/1", json={"data": rows})
    assert answer.json()["predictions"] == {"ids": [1, 2], "points": [[0.5, 1.0], [2.0, 3.0]]}


def test_a_model_that_cannot_be_loaded_or_fails_is_502(server: httpx.Client) -> None:
    answer = server.post("/predict/broken/1", json={"data": [ROW]})
    assert answer.status_code == 502
    assert "model 'broken' version 1 cannot be loaded" in answer.json()["detail"]
    failed = server.post("/predict/command/1", json={"data": [["fail"]]})
    assert failed.status_code == 502
    assert "no reason" in failed.json()["detail"]


def test_clearing_the_cache_says_how_many_models_went(server: httpx.Client) -> None:
    server.post(f"/predict/{IRIS}", json={"data": [ROW]})
    assert server.delete("/cache").json()["cleared"] >= 1
    assert server.delete("/cache").json() == {"cleared": 0}


def test_the_server_answers_others_while_a_model_computes(server: httpx.Client) -> None:
    server.post("/predict/command/1", json={"data": [["nothing"]]})
    slow = threading.Thread(
        target=server.post, args=("/predict/command/1",), kwargs={"json": {"data": [["sleep 3"]]}}
    )
    slow.start()
    try:
        for _ in range(20):
            started = time.monotonic()
            assert server.get("/healthz").is_success
            assert time.monotonic() - started < 0.5
        assert slow.is_alive()
    finally:
        slow.join()


def test_a_body_beyond_the_bound_is_413(running: Running) -> None:
    with running(MODEL_SERVER_MAX_BODY_BYTES="2048") as client:
        for content in (b"x" * 4096, (b"x" * 1024 for _ in range(4))):
            answer = client.post(f"/predict/{IRIS}", content=content)
            assert answer.status_code == 413
            assert "2048 bytes" in answer.json()["detail"]


def test_more_requests_than_may_wait_are_turned_away(trained: Any, running: Running) -> None:
    with running(MODEL_SERVER_QUEUE="1") as client:
        slow = threading.Thread(
            target=client.post, args=("/predict/command/1",), kwargs={"json": {"data": [["sleep 3"]]}}
        )
        slow.start()
        try:
            deadline = time.monotonic() + 20
            while (answer := client.post("/predict/command/1", json={"data": [["x"]]})).status_code != 503:
                assert time.monotonic() < deadline
            assert answer.headers["Retry-After"] == "1"
            assert "waiting" in answer.json()["detail"]
        finally:
            slow.join()


def test_keys_are_asked_for_where_they_are_set(trained: Any, running: Running) -> None:
    with running(MODEL_SERVER_API_KEYS=KEYS) as client:
        for path in ("/", "/healthz", "/readyz", "/docs", "/openapi.json"):
            assert client.get(path).is_success
        for header, value in (
            ("Accept", "*/*"),
            ("X-API-Key", "wrong"),
            ("X-API-Key", "kéy"),
            ("Authorization", "Bearer wrong"),
            ("Authorization", "Basic a2V5"),
        ):
            answer = client.get("/models", headers=[(header.encode(), value.encode())])
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        key = json.loads(KEYS)["tests"]
        for right in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            assert client.get("/models", headers=right).is_success


def test_a_moved_alias_is_followed_in_time_and_at_once_when_asked(
    trained: Any, running: Running, registry: MlflowClient
) -> None:
    source = str(registry.get_model_version("scaled", "1").source)
    other = str(registry.create_model_version("scaled", source, model_id=source.rpartition("/")[2]).version)
    with running(MODEL_SERVER_REFRESH_SECONDS="2") as client:

        def served(**headers: str) -> str:
            answer = client.post("/predict/scaled", json={"data": [ROW]}, headers=headers)
            return str(answer.json()["version"])

        assert served() == "1"
        registry.set_registered_model_alias("scaled", "champion", other)
        moved = time.monotonic()
        while served() != other:
            assert time.monotonic() - moved < 2.5
            time.sleep(0.05)
        registry.set_registered_model_alias("scaled", "champion", "1")
        assert served(**{"Cache-Control": "no-cache"}) == "1"


def test_wrong_credentials_are_told_without_the_secret(running: Running) -> None:
    with running(MLFLOW_TRACKING_PASSWORD="not-the-password") as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "MLFLOW_TRACKING_USERNAME" in answer.json()["detail"]
        assert "not-the-password" not in answer.text
        assert client.post(f"/predict/{IRIS}", json={"data": [ROW]}).status_code == 503
