"""The service as a process: how it starts, stops, dies and bears a model server that never answers."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from services.serving.prediction_api.model_server import CONNECTIONS
from services.serving.prediction_api.server import THREADS
from services.settings import EX_CONFIG

MODULE = "services.serving.prediction_api"
KEY = "a-key-that-nobody-else-may-read"
BODY = {"data": [5.1, 3.5, 1.4, 0.2]}


class Running(NamedTuple):
    """The service on a port of its own."""

    process: subprocess.Popen[bytes]
    url: str
    port: int
    log: Path


def free_port() -> int:
    """A port of the loopback address that nobody holds."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Running]:
    """The service until the block ends, with these variables on top of the environment."""
    port = int(environment.setdefault("PREDICTION_API_PORT", str(free_port())))
    log = folder / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE], env=os.environ | environment, stdout=output, stderr=output
        )
    started = Running(process, f"http://127.0.0.1:{port}", port, log)
    try:
        wait_until_up(started)
        yield started
    finally:
        process.kill()
        process.wait()


def wait_until_up(started: Running) -> None:
    """Return when the service answers; fail with its log after 30 s."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and started.process.poll() is None:
        try:
            httpx.get(f"{started.url}/healthz", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the service did not start:\n{started.log.read_text()}")


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A model server that accepts connections and never says a word of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        listener.settimeout(20)
        yield listener


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is reached."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def hear(connection: socket.socket) -> None:
    """Read from the connection until the request for a prediction is there."""
    heard = b""
    while b'"data"' not in heard:
        heard += connection.recv(4096)


def test_sigterm_ends_it_cleanly_while_a_browser_is_still_connected(tmp_path: Path) -> None:
    with running(tmp_path) as service, httpx.Client(trust_env=False) as browser:
        browser.get(service.url)
        service.process.terminate()
        assert service.process.wait(5) == 0


def test_a_prediction_under_way_is_answered_before_sigterm_ends_it(
    tmp_path: Path, silent_server: socket.socket
) -> None:
    with (
        running(tmp_path, MODEL_SERVER_URL=url_of(silent_server)) as service,
        ThreadPoolExecutor() as clients,
        httpx.Client(trust_env=False, timeout=20) as http,
    ):
        asked = clients.submit(http.post, f"{service.url}/predict", json=BODY)
        connection, _ = silent_server.accept()
        with connection:
            hear(connection)
            service.process.terminate()
            answer = b'{"predictions": [0], "version": "3", "classes": null, "probabilities": null}'
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
            assert asked.result().json()["class"] == 0
        assert service.process.wait(5) == 0


def test_sigterm_does_not_wait_for_a_silent_server(tmp_path: Path, silent_server: socket.socket) -> None:
    with (
        running(tmp_path, MODEL_SERVER_URL=url_of(silent_server)) as service,
        ThreadPoolExecutor() as clients,
        httpx.Client(trust_env=False, timeout=20) as http,
    ):
        asked = clients.submit(http.post, f"{service.url}/predict", json=BODY)
        connection, _ = silent_server.accept()
        with connection:
            hear(connection)
            service.process.terminate()
            assert service.process.wait(8) == 0
        assert isinstance(asked.exception(), httpx.TransportError)


def test_sigkill_frees_the_port_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as service, httpx.Client(trust_env=False) as browser:
        browser.get(service.url)
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        with running(tmp_path, PREDICTION_API_PORT=str(service.port)) as again:
            assert httpx.get(f"{again.url}/healthz", trust_env=False).json() == {"status": "ok"}


def test_it_is_one_process(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
        assert children.read_text() == ""


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        second = subprocess.run(
            [sys.executable, "-m", MODULE],
            env=os.environ | {"PREDICTION_API_PORT": str(service.port)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert second.returncode == 1
    [sentence] = second.stderr.splitlines()
    assert f"PREDICTION_API_PORT {service.port} cannot be used" in sentence
    assert "Remedy: " in sentence


def test_bad_settings_end_it_before_it_listens() -> None:
    started = subprocess.run(
        [sys.executable, "-m", MODULE],
        env=os.environ | {"PREDICTION_API_PORT": "99999", "MODEL_SERVER_URL": "nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == EX_CONFIG
    assert [line.split()[0] for line in started.stderr.splitlines()] == [
        "PREDICTION_API_PORT",
        "MODEL_SERVER_URL",
    ]


def test_a_silent_model_server_leaves_the_page_and_the_health_check_free(
    tmp_path: Path, silent_server: socket.socket
) -> None:
    with (
        running(tmp_path, MODEL_SERVER_URL=url_of(silent_server)) as service,
        ThreadPoolExecutor(2 * THREADS) as clients,
        httpx.Client(trust_env=False, limits=httpx.Limits(), timeout=60) as http,
    ):
        asked = [clients.submit(http.post, f"{service.url}/predict", json=BODY) for _ in range(2 * THREADS)]
        refused = 2 * THREADS - CONNECTIONS
        deadline = time.monotonic() + 20
        while sum(answer.done() for answer in asked) < refused and time.monotonic() < deadline:
            started = time.monotonic()
            assert httpx.get(f"{service.url}/healthz", trust_env=False).status_code == 200
            assert time.monotonic() - started < 4
        busy = [answer.result() for answer in asked if answer.done()]
        assert len(busy) == refused
        assert {answer.status_code for answer in busy} == {503}
        assert {answer.json()["code"] for answer in busy} == {"model_server_away"}
        service.process.kill()


def test_neither_key_nor_query_reaches_the_log(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with running(tmp_path, MODEL_SERVER_URL=nobody, MODEL_SERVER_API_KEY=KEY) as service:
        httpx.post(f"{service.url}/predict?key={KEY}", json=BODY, headers={"X-API-Key": KEY}, trust_env=False)
        httpx.get(f"{service.url}/no%0Asuch", trust_env=False)
        log = service.log.read_text()
    assert "POST '/predict' 503" in log
    assert "GET '/no\\nsuch' 404" in log
    assert KEY not in log
