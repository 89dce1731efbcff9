import os
import socket
import subprocess
import sys

import pytest

from services.serving.dashboard.settings import DashboardSettings

GOOD = {
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000/",
    "MLFLOW_TRACKING_USERNAME": "dashboard",
    "MLFLOW_TRACKING_PASSWORD": "not-a-real-one",
    "MODEL_SERVER_URL": "http://127.0.0.1:8000",
    "AIRFLOW_URL": "http://127.0.0.1:8080",
    "PREDICTION_API_URL": "http://127.0.0.1:8081",
}


def run(**changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.serving.dashboard"],
        env={"PATH": os.environ["PATH"], **GOOD, **changed},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_urls_lose_their_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in GOOD.items():
        monkeypatch.setenv(key, value)
    assert DashboardSettings.load().mlflow_url == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("AIRFLOW_URL", "127.0.0.1:8080"),
        ("DASHBOARD_PORT", "0"),
        ("MLFLOW_TRACKING_PASSWORD", ""),
        ("MODEL_SERVER_URL", ""),
    ],
)
def test_a_bad_setting_is_one_sentence_and_exit_78(key: str, value: str) -> None:
    done = run(**{key: value})
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert line.startswith(key)
    assert "Remedy:" in line


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(DASHBOARD_PORT=str(taken.getsockname()[1]))
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "DASHBOARD_PORT" in line
    assert "already in use" in line
