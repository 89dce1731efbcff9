"""The four processes, as a supervisor starts them, with a real tracking server and a real model server."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from cryptography.fernet import Fernet

from services.airflow.__main__ import COMPONENTS
from tests.mlflow_server import free_port, mlflow_environment, promotions, run_prepare, start_mlflow

ROOT = Path(__file__).parents[2]
DAG = "/api/v2/dags/iris_training"
TRIGGERED = ("manual",)
"""At midnight the schedule adds a run of its own."""
pytestmark = pytest.mark.timeout(900)


@dataclass
class Platform:
    """Airflow's processes and how to talk to them."""

    folder: Path
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    clients: list[httpx.Client] = field(default_factory=list)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services.airflow", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, component: str) -> None:
        with (self.folder / f"{component}.log").open("ab") as log:
            self.processes[component] = subprocess.Popen(
                [sys.executable, "-m", "services.airflow", component],
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def stop(self, component: str, number: signal.Signals) -> list[psutil.Process]:
        """Signal the component's own process; returns those it leaves behind."""
        process = self.processes.pop(component)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        process.wait(60)
        return psutil.wait_procs(family, timeout=15)[1]

    def client(self, password: str | None = None) -> httpx.Client:
        """A client of the API, signed in as the administrator."""
        client = httpx.Client(base_url=f"http://127.0.0.1:{self.environment['AIRFLOW_PORT']}", timeout=60)
        login = {"username": "admin", "password": password or self.environment["AIRFLOW_ADMIN_PASSWORD"]}
        token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        self.clients.append(client)
        return client

    def wait_until_healthy(self) -> None:
        """Until every process has given a sign of life that is newer than this call."""
        now = datetime.now(UTC)
        url = f"http://127.0.0.1:{self.environment['AIRFLOW_PORT']}/api/v2/monitor/health"

        def healthy() -> bool:
            try:
                parts = httpx.get(url, timeout=10).json().values()
            except httpx.TransportError:
                return False
            beats = [value for part in parts for key, value in part.items() if key.endswith("_heartbeat")]
            return len(beats) == 3 and all(beat and datetime.fromisoformat(beat) > now for beat in beats)

        wait_for(healthy, "Airflow to be healthy", self.logs)

    def logs(self) -> str:
        return "\n".join(
            f"--- {file.name}\n{file.read_text()[-3000:]}" for file in sorted(self.folder.glob("*.log"))
        )


def wait_for(
    condition: Callable[[], bool], what: str, logs: Callable[[], str], patience: float = 240
) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited in vain for {what}\n{logs()}")
        time.sleep(0.25)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Prepared and started; MLflow is the test's own, because the DAG's names are fixed."""
    folder = tmp_path_factory.mktemp("platform")
    tracking = mlflow_environment(folder)
    run_prepare(tracking)
    server = start_mlflow(tracking, folder / "mlflow.log")
    models = free_port()
    user = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{tracking['MLFLOW_PORT']}"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    with (folder / "model-server.log").open("wb") as log:
        model_server = subprocess.Popen(
            [sys.executable, "-m", "services.serving.model_server"],
            env=inherited
            | user
            | {
                "MLFLOW_TRACKING_USERNAME": "model-server",
                "MLFLOW_TRACKING_PASSWORD": tracking["MLFLOW_MODEL_SERVER_PASSWORD"],
                "MODEL_SERVER_PORT": str(models),
            },
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    environment = (
        inherited
        | user
        | {
            "AIRFLOW_PORT": str(free_port()),
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW_DATABASE_URI": f"sqlite:///{folder}/airflow.db",
            "AIRFLOW_DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW_ADMIN_PASSWORD": secrets.token_urlsafe(18),
            "AIRFLOW_SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW_JWT_SECRET": secrets.token_urlsafe(64),
            "AIRFLOW_FERNET_KEY": Fernet.generate_key().decode(),
            "AIRFLOW_PARALLELISM": "2",
            "MLFLOW_TRACKING_USERNAME": "airflow",
            "MLFLOW_TRACKING_PASSWORD": tracking["MLFLOW_AIRFLOW_PASSWORD"],
            "MODEL_SERVER_URL": f"http://127.0.0.1:{models}",
        }
    )
    found = Platform(folder, environment)
    try:
        done = found.run("prepare")
        assert done.returncode == 0, done.stderr
        for component in COMPONENTS:
            found.start(component)
        found.wait_until_healthy()
        yield found
    finally:
        for client in found.clients:
            client.close()
        for process in (*found.processes.values(), model_server, server):
            process.terminate()
        for process in (*found.processes.values(), model_server, server):
            process.wait(60)


def runs_of(client: httpx.Client, *states: str, run_type: tuple[str, ...] = ()) -> set[str]:
    """The ids of the DAG's runs in these states and of these types, or in any."""
    which = {"state": states, "run_type": run_type}
    answer = client.get(f"{DAG}/dagRuns", params=which).raise_for_status()
    return {run["dag_run_id"] for run in answer.json()["dag_runs"]}


def states(client: httpx.Client, run: str) -> dict[str, str]:
    answer = client.get(f"{DAG}/dagRuns/{run}/taskInstances").raise_for_status().json()
    return {task["task_id"]: task["state"] for task in answer["task_instances"]}


def registry(environment: dict[str, str], path: str, **params: str) -> Any:
    """MLflow's answer, as Airflow's user gets it."""
    url = f"{environment['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/{path}"
    user = (environment["MLFLOW_TRACKING_USERNAME"], environment["MLFLOW_TRACKING_PASSWORD"])
    return httpx.get(url, params=params, auth=user).raise_for_status().json()


def aliases_of(model: str, environment: dict[str, str]) -> dict[str, str]:
    """The model's aliases and their versions."""
    found = registry(environment, "registered-models/get", name=model)["registered_model"]
    return {entry["alias"]: entry["version"] for entry in found["aliases"]}


def test_two_runs_at_once_train_and_serve_a_champion(platform: Platform) -> None:
    client = platform.client()
    wait_for(lambda: client.get(DAG).is_success, "the DAG", platform.logs)
    assert client.get(DAG).json()["is_paused"] is False

    trigger: dict[str, Any] = {"logical_date": None, "conf": {}}
    runs = [
        client.post(f"{DAG}/dagRuns", json=trigger).raise_for_status().json()["dag_run_id"] for _ in range(2)
    ]

    wait_for(lambda: not runs_of(client, "queued", "running"), "all runs", platform.logs)
    for run in runs:
        assert set(states(client, run).values()) == {"success"}, platform.logs()

    served = httpx.post(
        f"{platform.environment['MODEL_SERVER_URL']}/predict/iris-classifier",
        json={"data": [[5.1, 3.5, 1.4, 0.2]]},
        headers={"Cache-Control": "no-cache"},
        timeout=60,
    ).json()
    assert served["predictions"] == [0]
    # Registered in one order, promoted perhaps in the other: the last one promoted serves.
    aliases = aliases_of("iris-classifier", platform.environment)
    promoted = promotions(registry(platform.environment, "model-versions/search"))
    assert Counter(promoted.values()) == Counter(runs_of(client, "success"))
    assert len({aliases["champion"], aliases["previous"]} & promoted.keys()) == 2
    assert served["version"] == aliases["champion"]


def test_the_log_of_a_task_can_be_read_through_the_api(platform: Platform) -> None:
    client = platform.client()
    run = runs_of(client, "success").pop()
    log = client.get(
        f"{DAG}/dagRuns/{run}/taskInstances/train/logs/1", headers={"Accept": "application/json"}
    )
    assert "Best of 2 candidates" in log.text


def test_roles_are_fab_s_and_the_wrong_password_signs_nobody_in(platform: Platform) -> None:
    client = platform.client()
    roles = client.get("/auth/fab/v1/roles", params={"limit": 50}).raise_for_status().json()["roles"]
    assert {role["name"] for role in roles} >= {"Admin", "Op", "User", "Viewer"}
    assert all(role["actions"] for role in roles if role["name"] in ("Admin", "Op", "User", "Viewer"))
    wrong = client.post("/auth/token", json={"username": "admin", "password": "admin"})
    assert wrong.status_code == httpx.codes.UNAUTHORIZED


def test_the_api_does_not_show_the_configuration(platform: Platform) -> None:
    assert platform.client().get("/api/v2/config").status_code == httpx.codes.FORBIDDEN


def test_no_secret_is_on_a_command_line_or_in_a_file(platform: Platform) -> None:
    hidden = {
        value
        for key, value in platform.environment.items()
        if key.startswith(("AIRFLOW_", "MLFLOW_")) and key.endswith(("PASSWORD", "KEY", "SECRET"))
    }
    assert len(hidden) == 5
    commands = []
    for started in platform.processes.values():
        for process in (psutil.Process(started.pid), *psutil.Process(started.pid).children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):  # the DAG processor's children live for a moment
                commands.append(" ".join(process.cmdline()))
    assert len(commands) >= len(COMPONENTS)
    home = Path(platform.environment["AIRFLOW_HOME"])
    files = [file for file in home.rglob("*") if file.is_file()] + list(platform.folder.glob("*.log"))
    texts = commands + [file.read_text(errors="replace") for file in files]
    assert [secret for secret in hidden if any(secret in text for text in texts)] == []
    assert not (home / "airflow.cfg").exists()
    assert (platform.folder / "airflow.db").stat().st_mode & 0o077 == 0


def test_preparing_again_changes_nothing_but_a_new_password(platform: Platform) -> None:
    old, new = platform.environment["AIRFLOW_ADMIN_PASSWORD"], secrets.token_urlsafe(18)
    runs = runs_of(platform.client(), run_type=TRIGGERED)
    assert len(runs) == 2
    platform.environment["AIRFLOW_ADMIN_PASSWORD"] = new
    done = platform.run("prepare")
    assert done.returncode == 0, done.stderr
    assert new not in done.stdout + done.stderr
    client = platform.client(new)
    assert runs_of(client, run_type=TRIGGERED) == runs
    assert (
        client.post("/auth/token", json={"username": "admin", "password": old}).status_code
        == httpx.codes.UNAUTHORIZED
    )


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_killed_process_starts_again_and_keeps_finished_runs(platform: Platform, component: str) -> None:
    runs = runs_of(platform.client(), run_type=TRIGGERED)
    assert len(runs) == 2
    assert platform.stop(component, signal.SIGKILL) == []
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if component == "api-server":
            probe.bind(("127.0.0.1", int(platform.environment["AIRFLOW_PORT"])))
    platform.start(component)
    platform.wait_until_healthy()
    assert runs_of(platform.client(), "success", run_type=TRIGGERED) == runs


def test_a_stopped_process_leaves_none_behind(platform: Platform) -> None:
    # The scheduler waits for its tasks, and those end with the api-server's help: that one goes last.
    for component in reversed(COMPONENTS):
        assert platform.stop(component, signal.SIGTERM) == [], component


def test_a_damaged_database_is_named(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "airflow.db").write_bytes(b"not a database" * 1000)
    damaged = {"AIRFLOW_DATABASE_URI": f"sqlite:///{tmp_path}/airflow.db"}
    done = replace(platform, environment=platform.environment | damaged).run("prepare")
    assert done.returncode == 1
    assert "AIRFLOW_DATABASE_URI names a database that cannot be used (file is not a database)" in done.stderr
    assert "Remedy: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_component_is_refused_with_the_usage(platform: Platform) -> None:
    done = platform.run("webserver")
    assert done.returncode == os.EX_CONFIG
    assert "prepare|api-server|scheduler|dag-processor|triggerer" in done.stderr
