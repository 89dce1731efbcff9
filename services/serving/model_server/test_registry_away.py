"""A registry that goes and comes back, as a client of the model server sees it."""

import select
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from services.serving.model_server.conftest import Running
from services.serving.model_server.models_for_tests import IRIS
from tests.mlflow_server import MlflowServer, free_port

ROWS = {"data": [[5.1, 3.5, 1.4, 0.2]]}


class Relay:
    """The way to the registry, which can be cut (connections are refused) or stopped up (nothing answers)."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url).port
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    @contextmanager
    def open(self, *, stopped_up: bool = False) -> Iterator[None]:
        target = None if stopped_up else self._target

        taken: list[socket.socket] = []

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                taken.append(self.request)
                _carry(self.request, target)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        with Server(("127.0.0.1", self._port), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()
                for connection in taken:
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)


def _carry(client: socket.socket, port: int | None) -> None:
    with socket.socket() as there:
        ends = {client: there, there: client}
        if port is None:
            ends = {client: client}
        else:
            there.connect(("127.0.0.1", port))
        while True:
            for end in select.select(list(ends), [], [])[0]:
                data = end.recv(65536)
                if not data:
                    return
                if port is not None:
                    ends[end].sendall(data)


@pytest.fixture
def relay(mlflow_server: MlflowServer) -> Relay:
    return Relay(mlflow_server.url)


def eventually(client: httpx.Client, path: str, status: int) -> httpx.Response:
    deadline = time.monotonic() + 30
    while True:
        answer = client.post(path, json=ROWS) if path.startswith("/predict") else client.get(path)
        if answer.status_code == status:
            return answer
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)


def test_a_server_that_starts_before_its_registry_is_503_until_it_comes(
    trained: Any, running: Running, relay: Relay
) -> None:
    with running(MLFLOW_TRACKING_URI=relay.url) as client:
        for path in ("/readyz", "/models", f"/models/{IRIS}/versions", f"/predict/{IRIS}"):
            started = time.monotonic()
            answer = eventually(client, path, 503)
            assert time.monotonic() - started < 3
            assert answer.json() == {"detail": "the model registry does not answer"}
            assert int(answer.headers["Retry-After"]) >= 1
        with relay.open():
            eventually(client, "/readyz", 200)
            assert eventually(client, f"/predict/{IRIS}", 200).json()["version"] == "1"


def test_the_last_known_version_is_served_while_the_registry_is_away(
    trained: Any, running: Running, relay: Relay
) -> None:
    with running(MLFLOW_TRACKING_URI=relay.url, MODEL_SERVER_REFRESH_SECONDS="0.5") as client:
        with relay.open():
            assert "Warning" not in eventually(client, f"/predict/{IRIS}", 200).headers
        deadline = time.monotonic() + 10
        while "Warning" not in (answer := client.post(f"/predict/{IRIS}", json=ROWS)).headers:
            assert answer.status_code == 200
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert answer.status_code == 200
        assert "last known version" in answer.headers["Warning"]
        anew = client.post(f"/predict/{IRIS}", json=ROWS, headers={"Cache-Control": "no-cache"})
        assert anew.status_code == 503
        with relay.open():
            deadline = time.monotonic() + 10
            while "Warning" in client.post(f"/predict/{IRIS}", json=ROWS).headers:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def test_a_registry_that_does_not_answer_is_503_in_seconds(
    trained: Any, running: Running, relay: Relay
) -> None:
    with running(MLFLOW_TRACKING_URI=relay.url) as client, relay.open(stopped_up=True):
        started = time.monotonic()
        answer = client.get("/models")
        assert answer.status_code == 503
        assert "has not answered for 3 seconds" in answer.json()["detail"]
        assert time.monotonic() - started < 5
