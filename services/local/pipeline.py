"""One run of the training DAG, asked for and followed over Airflow's HTTP API."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx

from services.local.failure import Failure

DAG = "iris_training"
FINISHED = ("success", "failed", "skipped", "upstream_failed", "removed")


class Airflow:
    """Airflow's API with a signed-in user; raises Failure where Airflow refuses or is away."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        token = self._ask("POST", "/auth/token", json={"username": username, "password": password})[
            "access_token"
        ]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def parsed(self, dag: str) -> bool:
        """Whether the DAG processor has read the DAG by now."""
        try:
            return self.http.get(f"/api/v2/dags/{dag}").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def trigger(self, dag: str) -> str:
        """Start a run of the DAG now; returns its id."""
        self._ask("PATCH", f"/api/v2/dags/{dag}", json={"is_paused": False})
        run = self._ask("POST", f"/api/v2/dags/{dag}/dagRuns", json={"logical_date": None, "conf": {}})
        return str(run["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        """queued, running, success or failed."""
        return str(self._ask("GET", f"/api/v2/dags/{dag}/dagRuns/{run}")["state"])

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """Each task of the run: task_id, map_index, state, start_date, end_date (ISO 8601 or None)."""
        return list(self._ask("GET", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"])

    def _ask(self, method: str, path: str, json: object = None) -> Any:
        try:
            answer = self.http.request(method, path, json=json)
        except httpx.HTTPError as error:
            raise Failure(
                f"Airflow does not answer at {self.http.base_url} ({error}). Remedy: `make logs`."
            ) from None
        if answer.is_error:
            raise Failure(
                f"Airflow answered {answer.status_code} to {method} {path}: {answer.text[:300]}. "
                "Remedy: `make logs SERVICE=airflow-api-server`."
            )
        return answer.json()


def follow(airflow: Airflow, dag: str, run: str, patience: float = 600) -> Iterator[str]:
    """Yield a line for each task as it finishes; Failure when the run fails or lasts over `patience` s."""
    told: set[tuple[str, int]] = set()
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        state = airflow.state(dag, run)
        for task in sorted(airflow.tasks(dag, run), key=lambda task: task["end_date"] or ""):
            key = (task["task_id"], task["map_index"])
            if task["state"] in FINISHED and key not in told:
                told.add(key)
                yield _line(task)
        if state == "success":
            return
        if state == "failed":
            raise Failure(
                f"Run {run} of {dag} failed. Remedy: read its task logs in Airflow ({airflow.http.base_url})."
            )
        time.sleep(0.5)
    raise Failure(
        f"Run {run} of {dag} did not finish within {patience:.0f} s. "
        "Remedy: `make logs SERVICE=airflow-scheduler`."
    )


def _line(task: dict[str, Any]) -> str:
    name = task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]"
    if not (task["start_date"] and task["end_date"]):
        return f"{name:<28}{task['state']}"
    took = datetime.fromisoformat(task["end_date"]) - datetime.fromisoformat(task["start_date"])
    return f"{name:<28}{task['state']:<10}{took.total_seconds():>5.1f} s"
