"""A model server that is away, that refuses, or that talks nonsense."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr

from services.serving.prediction_api.model_server import ModelServer
from services.serving.prediction_api.problem import Problem
from services.serving.prediction_api.settings import PredictionApiSettings

ROW: list[Any] = [5.1, 3.5, 1.4, 0.2]
KEY = "a-key-that-nobody-else-may-read"


def settings_for(port: int, **changes: Any) -> PredictionApiSettings:
    """Settings for a model server on this port of the loopback address."""
    return PredictionApiSettings().model_copy(
        update={
            "model_server_url": HttpUrl(f"http://127.0.0.1:{port}"),
            "model_server_api_key": SecretStr(KEY),
        }
        | changes
    )


@contextmanager
def answering(status: int, body: Any, headers: dict[str, str] | None = None) -> Iterator[ThreadingHTTPServer]:
    """A server that answers every request like this; `requests` holds what it heard."""
    heard: list[tuple[str, str | None, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            heard.append((self.path, self.headers["X-API-Key"], content))
            said = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(said)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests = heard  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def client_of(server: ThreadingHTTPServer, **changes: Any) -> Iterator[ModelServer]:
    """A client of the server, closed afterwards."""
    client = ModelServer(settings_for(server.server_port, **changes))
    try:
        yield client
    finally:
        client.close()


def problem_of(ask: Callable[[], object]) -> Problem:
    """The problem that asking ends in."""
    with pytest.raises(Problem) as caught:
        ask()
    return caught.value


def test_the_key_goes_in_a_header_and_the_row_in_the_body() -> None:
    with answering(200, {"predictions": [0]}) as server, client_of(server, model="café / 1") as client:
        assert client.predict(ROW) == {"predictions": [0]}
        assert server.requests == [  # type: ignore[attr-defined]
            ("/predict/caf%C3%A9%20%2F%201", KEY, b'{"data": [[5.1, 3.5, 1.4, 0.2]]}')
        ]


def test_a_path_before_the_model_server_is_kept() -> None:
    with answering(200, {}) as server:
        url = HttpUrl(f"http://127.0.0.1:{server.server_port}/models-here/")
        with client_of(server, model_server_url=url) as client:
            client.check()
        assert server.requests[0][0] == "/models-here/readyz"  # type: ignore[attr-defined]


def test_half_a_surrogate_pair_reaches_the_model_server() -> None:
    with answering(200, {}) as server, client_of(server) as client:
        client.predict(["\ud800"])
        assert server.requests[0][2] == b'{"data": [["\\ud800"]]}'  # type: ignore[attr-defined]


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with answering(200, {"status": "ready"}) as server, client_of(server) as client:
        client.check()


def test_a_model_server_that_is_away_is_503_with_a_time_to_wait() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = ModelServer(settings_for(unused.getsockname()[1]))
        problem = problem_of(client.schema)
        client.close()
    assert (problem.status, problem.code) == (503, "model_server_away")
    assert problem.headers == {"Retry-After": "5"}


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [(404, "no_champion", 503), (401, "model_server_error", 502), (403, "model_server_error", 502)]
    + [(status, "model_server_error", 502) for status in (301, 405, 413, 415, 500, 502)]
    + [(status, "model_server_away", 503) for status in (429, 503, 504)],
)
def test_every_other_status_has_its_sentence(status: int, code: str, expected: int) -> None:
    with answering(status, {"detail": f"not yours: {KEY}"}) as server, client_of(server) as client:
        problem = problem_of(client.schema)
    assert (problem.status, problem.code) == (expected, code)
    assert problem.sentence.endswith(".")
    assert KEY not in problem.sentence
    assert ("Retry-After" in problem.headers) == (expected == 503)


@pytest.mark.parametrize(("said", "passed_on"), [("17", "17"), ("soon", "5"), ("²", "5")])
def test_the_time_to_wait_is_passed_on(said: str, passed_on: str) -> None:
    with answering(503, {}, {"Retry-After": said}) as server, client_of(server) as client:
        assert problem_of(client.check).headers == {"Retry-After": passed_on}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff"])
@pytest.mark.parametrize("status", [200, 422])
def test_nonsense_is_502(status: int, body: bytes) -> None:
    with answering(status, body) as server, client_of(server) as client:
        assert problem_of(lambda: client.predict(ROW)).status == 502


def test_what_is_wrong_with_each_column_is_passed_on() -> None:
    detail = [
        {"loc": ["body", "data", 0, "sepal_length"], "msg": "expected double, got 'abc'", "type": "type"},
        {"loc": ["body", "data", 0], "msg": "expected 4 values, got 5", "type": "length"},
    ]
    with answering(422, {"detail": detail}) as server, client_of(server) as client:
        problem = problem_of(lambda: client.predict(ROW))
    assert problem.status == 422
    assert problem.sentence == "sepal_length: expected double, got 'abc'; expected 4 values, got 5"
    assert problem.body["fields"] == {"sepal_length": "expected double, got 'abc'"}


def test_a_connection_that_the_model_server_has_closed_is_not_used_again() -> None:
    with answering(200, {"status": "ready"}) as server, client_of(server) as client:
        for _ in range(20):
            client.check()
