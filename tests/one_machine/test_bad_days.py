"""What goes wrong on one machine, and how it says so."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from services.local.state import State
from services.roles import ROLES
from tests.one_machine.conftest import Platform, copy_checkout, make

PATIENCE = 120
"""Seconds for all services to come back at once on two cores."""


def finished_runs(platform: Platform) -> tuple[set[str], set[str]]:
    """The ids of finished MLflow runs, and of finished DAG runs."""
    exports = platform.exports
    user = (exports["MLFLOW_TRACKING_USERNAME"], exports["MLFLOW_TRACKING_PASSWORD"])
    with httpx.Client(base_url=exports["MLFLOW_TRACKING_URI"], auth=user, timeout=30) as mlflow:
        found = mlflow.get("/api/2.0/mlflow/experiments/search", params={"max_results": 100}).json()
        experiments = [experiment["experiment_id"] for experiment in found["experiments"]]
        question = {"experiment_ids": experiments, "filter": "status='FINISHED'"}
        runs = mlflow.post("/api/2.0/mlflow/runs/search", json=question).json()["runs"]
    user_of_airflow = {"username": exports["AIRFLOW_USERNAME"], "password": exports["AIRFLOW_PASSWORD"]}
    with httpx.Client(base_url=exports["AIRFLOW_URL"], timeout=30) as airflow:
        token = airflow.post("/auth/token", json=user_of_airflow).json()["access_token"]
        dag_runs = airflow.get(
            "/api/v2/dags/iris_training/dagRuns",
            params={"state": "success"},
            headers={"Authorization": f"Bearer {token}"},
        ).json()["dag_runs"]
    return {run["info"]["run_id"] for run in runs}, {run["dag_run_id"] for run in dag_runs}


def test_services_killed_with_sigkill_come_back_and_lose_no_finished_run(platform: Platform) -> None:
    before, runs = platform.pids(), finished_runs(platform)
    assert len(before) == sum(len(role.services) for role in ROLES)
    assert all(runs)
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while (status := platform.make("status")).returncode and time.monotonic() < deadline:
        time.sleep(1)
    assert status.returncode == 0, status.stdout
    after = platform.pids()
    assert not set(before.values()) & set(after.values())
    kept = finished_runs(platform)
    assert kept[0] >= runs[0]
    assert kept[1] >= runs[1]
    answer = httpx.post(
        f"{platform.exports['PREDICTION_API_URL']}/predict", json={"data": [5.1, 3.5, 1.4, 0.2]}, timeout=30
    )
    assert answer.json()["prediction"] == "Setosa"


def test_a_champion_that_cannot_be_served_is_told_at_once(platform: Platform) -> None:
    artifacts = platform.folder / ".local/data/artifacts"
    artifacts.rename(artifacts.with_name("lost"))
    try:
        os.kill(platform.pids()["fastapi"], signal.SIGKILL)
        began = time.monotonic()
        up = platform.make("up")
        assert time.monotonic() - began < PATIENCE
    finally:
        shutil.rmtree(artifacts, ignore_errors=True)
        artifacts.with_name("lost").rename(artifacts)
    assert up.returncode != 0
    assert "The champion of iris-classifier cannot be served: " in up.stderr
    assert "Remedy: roll back on the dashboard" in up.stderr
    os.kill(platform.pids()["fastapi"], signal.SIGKILL)  # which would try again in some seconds
    again = platform.make("up")
    assert again.returncode == 0, again.stderr


def test_after_a_killed_supervisor_up_starts_everything_again(platform: Platform) -> None:
    before = platform.pids()
    os.kill(int((platform.folder / ".local/supervisord.pid").read_text()), signal.SIGKILL)
    assert platform.make("status").returncode != 0
    up = platform.make("up")
    assert up.returncode == 0, up.stderr
    assert not set(before.values()) & set(platform.pids().values())


def test_a_running_platform_refuses_to_move(platform: Platform) -> None:
    refused = platform.make("up", MLFLOW_PORT="15999")
    assert refused.returncode != 0
    assert "MLFLOW_PORT is 15999: expected " in refused.stderr
    assert platform.make("status").returncode == 0


def test_status_of_a_stopped_service_fails_and_says_what_to_do(platform: Platform) -> None:
    control = platform.folder / ".local/venvs/local/bin/supervisorctl"
    conf = platform.folder / ".local/supervisord.conf"
    subprocess.run([control, "-s", f"unix://{conf.parent}/supervisor.sock", "stop", "flask"], check=True)
    stopped = platform.make("status")
    assert stopped.returncode != 0
    assert "Remedy: `make up`" in stopped.stderr
    assert platform.make("up").returncode == 0
    assert platform.make("status").returncode == 0


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("bad days"))


@pytest.fixture
def checkout(installed: Path) -> Path:
    """A checkout in which nothing was started yet; the environments are installed once for all tests here."""
    for path in State(installed).erasable():
        path.unlink() if path.is_file() else shutil.rmtree(path)
    return installed


def test_a_taken_port_stops_up_with_one_sentence(checkout: Path, shell: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refused = make(checkout, shell | {"MLFLOW_PORT": str(port)}, "up")
    assert refused.returncode != 0
    assert f"MLFLOW_PORT is {port}: expected a free port, but " in refused.stderr
    assert "Traceback" not in refused.stderr
    assert make(checkout, shell, "down").returncode == 0


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            {"PYTHON": "python3.99"},
            "PYTHON is python3.99, which is not on PATH: expected Python 3.11 or newer.",
        ),
        ({"MLOPS_DISK_MB": "999999999"}, "expected 999999999 MB or more (MLOPS_DISK_MB). Remedy: free some"),
    ],
    ids=["missing Python", "no disk space"],
)
def test_what_cannot_be_installed_is_said_before_anything_is(
    tmp_path: Path, shell: dict[str, str], setting: dict[str, str], sentence: str
) -> None:
    checkout = copy_checkout(tmp_path)
    refused = make(checkout, shell | setting, "up")
    assert refused.returncode != 0
    assert sentence in refused.stderr
    assert not (checkout / ".local").exists()


@pytest.mark.parametrize("name", ["ports.json", "secrets.env"])
def test_a_corrupt_state_file_is_named_and_left_as_it_is(
    checkout: Path, shell: dict[str, str], name: str
) -> None:
    (checkout / ".local").mkdir(exist_ok=True)
    (checkout / ".local" / name).write_text("{broken")
    refused = make(checkout, shell, "up")
    assert refused.returncode != 0
    assert f"{name} is corrupt" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (checkout / ".local" / name).read_text() == "{broken"


def test_reset_without_a_terminal_deletes_nothing(checkout: Path, shell: dict[str, str]) -> None:
    (checkout / ".local").mkdir(exist_ok=True)
    (checkout / ".local" / "secrets.env").write_text("kept")
    refused = make(checkout, shell, "reset")
    assert refused.returncode != 0
    assert "Remedy: `make reset YES=1`" in refused.stderr
    assert (checkout / ".local" / "secrets.env").read_text() == "kept"
