"""The application without a model server: its page, its headers, and every client's mistake."""

import json
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.serving.prediction_api.app import MAX_BODY_BYTES, OPENAPI, create_app
from services.serving.prediction_api.model_server import ModelServer
from services.serving.prediction_api.page import FRONTEND
from services.serving.prediction_api.settings import PredictionApiSettings
from services.serving.prediction_api.test_model_server import answering
from services.serving.prediction_api.test_server import free_port

FILES = sorted(path.relative_to(FRONTEND).as_posix() for path in FRONTEND.rglob("*") if path.is_file())
VERSION = {"predictions": [0], "version": "3", "probabilities": [[0.9, 0.1]], "classes": ["Setosa", "Other"]}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> PredictionApiSettings:
    """Settings whose model server is away."""
    monkeypatch.setenv("MODEL_SERVER_URL", f"http://127.0.0.1:{free_port()}")
    return PredictionApiSettings.load()


@pytest.fixture
def app(settings: PredictionApiSettings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    client_of(app).close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def client_of(app: Flask) -> ModelServer:
    """The application's client of the model server."""
    return app.extensions["model_server"]  # type: ignore[no-any-return]


def code(answer: TestResponse, status: int) -> str:
    """The code of a problem, after a look at what every problem has."""
    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    problem = answer.get_json()
    assert re.fullmatch(r"[^\n]+\.", problem["error"])
    return str(problem["code"])


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_the_page_is_served_and_asked_for_again(client: FlaskClient, name: str) -> None:
    path = "/" if name == "index.html" else f"/{name}"
    first = client.get(path)
    assert first.data == (FRONTEND / name).read_bytes()
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("path", ["/", "/model", "/healthz", "/nothing", "/app.js"])
def test_every_answer_is_hardened(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self'; ")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"


def test_scripts_and_styles_have_their_types(client: FlaskClient) -> None:
    types = {name: client.get(f"/{name}").mimetype for name in ("app.js", "style.css", "pictures/setosa.svg")}
    assert types == {
        "app.js": "text/javascript",
        "style.css": "text/css",
        "pictures/setosa.svg": "image/svg+xml",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/index.html/",
        "/../pyproject.toml",
        "/..%2fpyproject.toml",
        "/pictures//setosa.svg",
        "/pictures/",
    ],
)
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    assert code(client.get(path), 404) == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict", {"POST", "OPTIONS"}),
        ("POST", "/", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/model", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/app.js", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_another_method_is_405(client: FlaskClient, method: str, path: str, allowed: set[str]) -> None:
    answer = client.open(path, method=method)
    assert code(answer, 405) == "method_not_allowed"
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_another_content_type_is_415(client: FlaskClient, kind: str | None) -> None:
    assert code(client.post("/predict", data=b"{}", content_type=kind), 415) == "unsupported_media_type"


def test_a_large_body_is_413(client: FlaskClient) -> None:
    body = b" " * (MAX_BODY_BYTES + 1)
    answer = client.post("/predict", data=body, content_type="application/json")
    assert code(answer, 413) == "request_entity_too_large"


def test_what_is_not_json_is_400_and_what_is_no_row_422(client: FlaskClient) -> None:
    assert code(client.post("/predict", data=b"{", content_type="application/json"), 400) == "invalid_json"
    assert code(client.post("/predict", json={"data": "x"}), 422) == "invalid_data"


@pytest.mark.parametrize("path", ["/model", "/readyz"])
def test_an_away_model_server_is_503_while_this_process_is_healthy(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert code(answer, 503) == "model_server_away"
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_a_fault_of_our_own_is_500_without_its_details(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    client_of(app).close()
    answer = client.get("/model")
    assert code(answer, 500) == "internal_error"
    assert "closed" not in answer.get_data(as_text=True)
    assert "closed" in caplog.text


@pytest.mark.parametrize(("proxies", "believed"), [(0, "127.0.0.1"), (1, "203.0.113.7")])
def test_proxies_are_believed_where_a_setting_says_so(
    settings: PredictionApiSettings, proxies: int, believed: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    app = create_app(settings.model_copy(update={"proxies": proxies}))
    forwarded = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Prefix": "/iris",
        "X-Forwarded-Proto": "https",
    }
    assert app.test_client().get("/", headers=forwarded).status_code == 200
    assert f"{believed} GET '/' 200" in caplog.text
    client_of(app).close()


def test_a_prediction_is_as_the_contract_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200, VERSION) as server:
        monkeypatch.setenv("MODEL_SERVER_URL", f"http://127.0.0.1:{server.server_port}")
        app = create_app(PredictionApiSettings.load())
        answer = app.test_client().post("/predict", json={"data": [5.1, 3.5, 1.4, 0.2]})
        client_of(app).close()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_data(as_text=True).startswith('{"prediction":"Setosa","class":0,')


def test_the_openapi_document_names_every_address_of_the_api(app: Flask, client: FlaskClient) -> None:
    described = {
        (path, method.upper()) for path, methods in json.loads(OPENAPI)["paths"].items() for method in methods
    }
    served = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith("page.") and rule.endpoint != "openapi"
    }
    assert described == served
    assert client.get("/openapi.json").get_json() == json.loads(OPENAPI)
