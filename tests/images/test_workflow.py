"""The three machines together: Airflow trains, MLflow keeps, the model server predicts."""

import random
import time
from collections.abc import Iterator

import pytest

from tests.images.machine import Machine
from tests.images.seed import SEED
from tests.images.site import ADDRESSES, BUCKET, Site
from tests.images.test_mlflow import signed_in
from tests.images.training import Airflow, deliver

pytestmark = [pytest.mark.root, pytest.mark.timeout(1800)]

Machines = dict[str, Machine]
ROW = [5.1, 3.5, 1.4, 0.2]


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
    """The id of a run of the DAG that has succeeded."""
    airflow = signed_in_to(site, machines["airflow"])
    run = airflow.trigger()
    began = time.monotonic()
    airflow.finish(run)
    print(f"\ntraining: {time.monotonic() - began:.1f} s")
    return run


def signed_in_to(site: Site, machine: Machine) -> Airflow:
    return Airflow(machine.client, machine.url("airflow-api-server", ""), site.secret("airflow admin"))


def objects(site: Site, prefix: str) -> list[str]:
    return [
        name for name in site.region.object_storage.store.buckets[BUCKET].names() if name.startswith(prefix)
    ]


def champion(site: Site, machines: Machines) -> str:
    path = "/api/2.0/mlflow/registered-models/alias?name=iris-classifier&alias=champion"
    mlflow = machines["mlflow"]
    answer = mlflow.client.ask(
        mlflow.url("mlflow", path), headers=signed_in("admin", site.secret("mlflow admin"))
    )
    assert answer.status == 200, answer.body
    return str(answer.json()["model_version"]["version"])


def test_what_airflow_trained_is_registered_with_its_artifacts_in_the_bucket(
    site: Site, machines: Machines, trained: str
) -> None:
    assert champion(site, machines) == "1"
    assert [name for name in objects(site, "artifacts/") if name.endswith("MLmodel")]


def test_the_model_server_and_the_prediction_api_serve_it(
    site: Site, machines: Machines, trained: str
) -> None:
    serving = machines["serving"]
    answer = serving.client.ask(
        serving.url("fastapi", "/predict/iris-classifier"),
        {"data": [ROW]},
        headers={"X-API-Key": site.secret("airflow's key")},
    )
    assert answer.status == 200, answer.body
    assert (answer.json()["predictions"], answer.json()["version"]) == ([0], "1")
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


def test_a_power_cut_of_a_running_training_loses_nothing_that_was_finished(
    site: Site, machines: Machines, trained: str
) -> None:
    print(f"\nseed {SEED}")
    machine = machines["airflow"]
    airflow = signed_in_to(site, machine)
    run = airflow.trigger()
    while airflow.tasks(run)["load_data"]["state"] != "success":
        time.sleep(0.2)
    time.sleep(random.Random(SEED).uniform(0, 10))  # noqa: S311
    before = airflow.tasks(run)
    machine.power_cut()
    assert champion(site, machines) in ("1", "2")
    machine.power_on()
    print(f"{machine.wait():.1f} s from power to healthy, after the cut")
    began = time.monotonic()
    airflow.finish(run, 900)
    print(f"{time.monotonic() - began:.1f} s until the run had ended")
    after = airflow.tasks(run)
    for task, finished in before.items():
        if finished["state"] == "success":
            assert after[task]["end_date"] == finished["end_date"], task
    assert champion(site, machines) == "2"
