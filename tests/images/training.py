"""The training DAG, delivered to the bucket and run over Airflow's HTTP API by a client on the network."""

import time
from typing import Any

from tests.images.client import Client
from tests.images.site import BUCKET, REPOSITORY, Site

DAG = "iris_training"
_API = "/api/v2/dags"


def deliver(site: Site) -> None:
    """Put the DAGs where a person does: below dags/ in the bucket."""
    folder = REPOSITORY / "dags"
    for path in (*folder.rglob("*.py"), folder / ".airflowignore"):
        if not path.name.startswith(("test_", "conftest")):
            name = f"dags/{path.relative_to(folder).as_posix()}"
            site.storage.put_object(site.region.namespace, BUCKET, name, path.read_bytes())


class Airflow:
    """Airflow's API at a URL, signed in as its administrator; it may go away and come back."""

    def __init__(self, client: Client, url: str, password: str) -> None:
        self._client = client
        self._url = url
        answer = client.ask(f"{url}/auth/token", {"username": "admin", "password": password})
        assert answer.status == 201, answer.body
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def trigger(self, seconds: float = 120) -> str:
        """Start a run as soon as the DAG is there; returns its id."""
        deadline = time.monotonic() + seconds
        while self._ask("GET", f"{_API}/{DAG}")[0] != 200:
            assert time.monotonic() < deadline, "the DAG did not come from the bucket"
            time.sleep(0.5)
        assert self._ask("PATCH", f"{_API}/{DAG}", {"is_paused": False})[0] == 200
        status, run = self._ask("POST", f"{_API}/{DAG}/dagRuns", {"logical_date": None, "conf": {}})
        assert status == 200, run
        return str(run["dag_run_id"])

    def run(self, run: str) -> dict[str, Any]:
        status, found = self._ask("GET", f"{_API}/{DAG}/dagRuns/{run}")
        assert status == 200, found
        return dict(found)

    def tasks(self, run: str) -> dict[str, dict[str, Any]]:
        """By task id."""
        status, found = self._ask("GET", f"{_API}/{DAG}/dagRuns/{run}/taskInstances")
        assert status == 200, found
        return {task["task_id"]: task for task in found["task_instances"]}

    def finish(self, run: str, seconds: float = 600) -> None:
        """Wait until the run has succeeded."""
        deadline = time.monotonic() + seconds
        while (state := self.run(run)["state"]) != "success":
            assert state in ("queued", "running"), self.tasks(run)
            assert time.monotonic() < deadline, self.tasks(run)
            time.sleep(1)

    def finish_all(self, seconds: float = 600) -> list[str]:
        """Wait until every run has succeeded, one of the DAG's schedule too; returns their ids."""
        finished: list[str] = []
        while left := [run for run in self._runs() if run not in finished]:
            for run in left:
                self.finish(run, seconds)
            finished += left
        return finished

    def log(self, run: str, task: str, attempt: int = 1) -> str:
        """A task's log, as Airflow's own page gets it."""
        path = f"{_API}/{DAG}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}?full_content=true"
        status, found = self._ask("GET", path)
        assert status == 200, found
        return str(found)

    def _runs(self) -> list[str]:
        status, found = self._ask("GET", f"{_API}/{DAG}/dagRuns?limit=100")
        assert status == 200, found
        return [str(run["dag_run_id"]) for run in found["dag_runs"]]

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        answer = self._client.ask(f"{self._url}{path}", body, method=method, headers=self._headers)
        return answer.status, answer.json()
