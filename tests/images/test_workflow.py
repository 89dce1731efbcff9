"""The three machines together: Airflow trains, MLflow keeps, the model server predicts."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.images.common import until
from tests.images.machine import Machine
from tests.images.seed import SEED
from tests.images.site import ADDRESSES, BUCKET, Site
from tests.images.test_mlflow import signed_in
from tests.images.training import Airflow, deliver
from tests.mlflow_server import promotions

pytestmark = [pytest.mark.root, pytest.mark.timeout(1800)]

Machines = dict[str, Machine]
ROW = [5.1, 3.5, 1.4, 0.2]
CUTS = 10


@pytest.fixture(scope="module")
def machines(site: Site) -> Iterator[Machines]:
    deliver(site)
    machines = {role: site.launch(role, name="together") for role in ADDRESSES}
    for machine in machines.values():
        machine.power_on()
    for role, machine in machines.items():
        print(f"\n{role}: {machine.wait(400):.1f} s from power to healthy, three at once")
    yield machines
    for machine in machines.values():
        machine.power_cut()
    site.mysql.clear()


@pytest.fixture(scope="module")
def trained(site: Site, machines: Machines) -> str:
    """The id of a run of the DAG that has succeeded; no other is under way."""
    airflow = signed_in_to(site, machines["airflow"])
    run = airflow.trigger()
    began = time.monotonic()
    airflow.finish(run)
    print(f"\ntraining: {time.monotonic() - began:.1f} s")
    airflow.finish_all()
    return run


def signed_in_to(site: Site, machine: Machine) -> Airflow:
    return Airflow(machine.client, machine.url("airflow-api-server", ""), site.secret("airflow admin"))


def objects(site: Site, prefix: str) -> list[str]:
    return [
        name for name in site.region.object_storage.store.buckets[BUCKET].names() if name.startswith(prefix)
    ]


def ended(airflow: Airflow, runs: list[str]) -> dict[tuple[str, str], str]:
    """When each task ended that has succeeded, by run and task."""
    tasks = {(run, name): task for run in runs for name, task in airflow.tasks(run).items()}
    return {key: task["end_date"] for key, task in tasks.items() if task["state"] == "success"}


def registry(site: Site, machines: Machines, path: str) -> Any:
    mlflow = machines["mlflow"]
    answer = mlflow.client.ask(
        mlflow.url("mlflow", f"/api/2.0/mlflow/{path}"),
        headers=signed_in("admin", site.secret("mlflow admin")),
    )
    assert answer.status == 200, answer.body
    return answer.json()


def champion(site: Site, machines: Machines) -> str:
    found = registry(site, machines, "registered-models/alias?name=iris-classifier&alias=champion")
    return str(found["model_version"]["version"])


def promoted(site: Site, machines: Machines) -> dict[str, str | None]:
    """Each version of the model, and the run of the DAG that promoted it."""
    return promotions(registry(site, machines, "model-versions/search?max_results=100"))


def test_what_airflow_trained_is_registered_with_its_artifacts_in_the_bucket(
    site: Site, machines: Machines, trained: str
) -> None:
    versions = promoted(site, machines)
    assert trained in versions.values()
    assert champion(site, machines) in versions
    assert [name for name in objects(site, "artifacts/") if name.endswith("MLmodel")]


def test_the_model_server_and_the_prediction_api_serve_it(
    site: Site, machines: Machines, trained: str
) -> None:
    serving = machines["serving"]
    answer = serving.client.ask(
        serving.url("fastapi", "/predict/iris-classifier"),
        {"data": [ROW]},
        headers={"X-API-Key": site.secret("clients_key")},
    )
    assert answer.status == 200, answer.body
    assert (answer.json()["predictions"], answer.json()["version"]) == ([0], champion(site, machines))
    answer = serving.client.ask(serving.url("flask", "/predict"), {"data": ROW})
    assert answer.status == 200, answer.body
    assert answer.json()["prediction"] == "Setosa"


def test_a_replaced_machine_has_the_runs_and_their_logs(site: Site, machines: Machines, trained: str) -> None:
    assert objects(site, "logs/")
    machines["airflow"].power_cut()
    machines["airflow"] = site.launch("airflow", name="replaced")
    machines["airflow"].power_on()
    machines["airflow"].wait()
    airflow = signed_in_to(site, machines["airflow"])
    assert {task["state"] for task in airflow.tasks(trained).values()} == {"success"}
    log = airflow.log(trained, "train")
    assert f"oci://{BUCKET}@{site.region.namespace}/logs/" in log


def cut(machine: Machine, airflow: Airflow, runs: list[str], seconds: float) -> dict[tuple[str, str], str]:
    """Cut the power so long after another task has ended; tells what had ended by then."""
    before = ended(airflow, runs)
    until(lambda: ended(airflow, runs) != before, 180)
    time.sleep(seconds)
    finished = ended(airflow, runs)
    machine.power_cut()
    machine.power_on()
    print(f"cut with {len(finished)} tasks finished, then {machine.wait():.1f} s from power to healthy")
    return finished


def test_power_cuts_of_running_trainings_lose_nothing_that_was_finished(
    site: Site, machines: Machines, trained: str
) -> None:
    chance = random.Random(SEED)  # noqa: S311
    print(f"\nseed {SEED}")
    machine = machines["airflow"]
    runs: list[str] = []
    finished: dict[tuple[str, str], str] = {}
    began = time.monotonic()
    for _ in range(CUTS):
        airflow = signed_in_to(site, machine)
        runs.append(airflow.trigger())
        by_then = cut(machine, airflow, runs, chance.uniform(0, 8))
        assert finished.items() <= by_then.items()
        finished = by_then
    airflow = signed_in_to(site, machine)
    every = airflow.finish_all(240)  # unless told to, Airflow looks for tasks cut off after 300 s
    print(f"{time.monotonic() - began:.1f} s for {CUTS} cuts and as many runs")
    assert finished.items() <= ended(airflow, runs).items()
    assert {trained, *runs} <= set(every)
    assert Counter(promoted(site, machines).values()) == Counter(every)
