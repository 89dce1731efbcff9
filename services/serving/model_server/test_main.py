"""The command: how it starts, stops and refuses to."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from services.settings import EX_CONFIG
from tests.mlflow_server import free_port

COMMAND = [sys.executable, "-m", "services.serving.model_server"]


def environment(**settings: str) -> dict[str, str]:
    return os.environ | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"} | settings


@pytest.fixture
def started() -> Iterator[tuple[subprocess.Popen[bytes], str, float]]:
    """A server whose registry is not there, its URL, and the seconds until it answered."""
    port = free_port()
    began = time.monotonic()
    process = subprocess.Popen(COMMAND, env=environment(MODEL_SERVER_PORT=str(port)))
    url = f"http://127.0.0.1:{port}"
    while True:
        try:
            httpx.get(f"{url}/healthz")
            break
        except httpx.TransportError:
            assert time.monotonic() - began < 30
            time.sleep(0.05)
    yield process, url, time.monotonic() - began
    process.kill()
    process.wait()


def test_it_answers_soon_and_stops_when_told_to(
    started: tuple[subprocess.Popen[bytes], str, float],
) -> None:
    process, _, seconds = started
    assert seconds < 10  # about 1 s on a machine with nothing else to do
    assert psutil.Process(process.pid).children() == []
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (0, -signal.SIGTERM)


def test_while_it_imports_what_it_needs_it_says_so(
    started: tuple[subprocess.Popen[bytes], str, float],
) -> None:
    _, url, _ = started
    answer = httpx.get(f"{url}/readyz", timeout=10)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_it_neither_reports_on_its_use_nor_prepares_to(tmp_path: Path) -> None:
    command = """
import asyncio, sys
from services.serving.model_server.settings import ModelServerSettings
from services.serving.model_server.store import ModelStore
asyncio.run(ModelStore(ModelServerSettings.load()).warm())
assert "mlflow.telemetry" in sys.modules
"""
    # MLflow never does where it finds the variables of a test runner or of CI.
    bare = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "XDG_CONFIG_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", command], env=bare, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_public_address_without_keys_is_refused() -> None:
    done = subprocess.run(
        COMMAND,
        env=environment(MODEL_SERVER_HOST="0.0.0.0", MODEL_SERVER_API_KEYS=""),  # noqa: S104
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == EX_CONFIG
    assert "Remedy" in done.stderr


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            COMMAND, env=environment(MODEL_SERVER_PORT=port), capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"MODEL_SERVER_PORT is {port}" in done.stderr
    assert "Remedy" in done.stderr
