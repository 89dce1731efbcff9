"""Every DAG file, read as the DAG processor reads it."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).parent
READ = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
dags = {
    dag.dag_id: {
        "tags": sorted(dag.tags), "doc": dag.doc_md, "catchup": dag.catchup, "runs": dag.max_active_runs,
        "steps": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
    }
    for dag in bag.dags.values()
}
slow = sorted({"mlflow", "sklearn", "skops"} & set(sys.modules))
print(json.dumps({"dags": dags, "errors": bag.import_errors, "slow": slow}))
"""


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("airflow")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(DAGS)],
        env={
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": str(DAGS),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_every_dag_file_can_be_imported(read: dict[str, Any]) -> None:
    assert read["errors"] == {}
    assert set(read["dags"]) >= {"iris_training"}


def test_every_dag_is_tagged_documented_and_makes_up_for_nothing(read: dict[str, Any]) -> None:
    for name, dag in read["dags"].items():
        assert "training" in dag["tags"], name
        assert dag["doc"], name
        assert dag["catchup"] is False, name
        assert dag["runs"] > 1, name


def test_reading_the_dags_imports_no_library_that_only_tasks_need(read: dict[str, Any]) -> None:
    assert read["slow"] == []


def test_the_training_dag_shows_every_step_in_its_order(read: dict[str, Any]) -> None:
    steps = read["dags"]["iris_training"]["steps"]
    order = ["load_data", "validate", "train", "evaluate", "gate", "register", "promote", "smoke_test"]
    assert sorted(steps) == sorted(order)
    assert all(before in steps[after] for before, after in itertools.pairwise(order))


def test_the_documentation_names_every_step(read: dict[str, Any]) -> None:
    dag = read["dags"]["iris_training"]
    assert [step for step in dag["steps"] if f"`{step}`" not in dag["doc"]] == []
