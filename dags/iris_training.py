"""Trains, judges, registers and serves `iris-classifier`, once a day or whenever it is triggered.

| step | what it does |
|---|---|
| `load_data` | opens an MLflow run and keeps a snapshot of the data in it |
| `validate` | checks columns, types, ranges and classes |
| `train` | cross-validates the candidates and fits the best one |
| `evaluate` | measures it, and the champion, on the same held-out rows |
| `gate` | stops here unless it is good enough and not worse than the champion |
| `register` | makes it a version of the registered model |
| `promote` | alias `champion` to it, `previous` to the version it replaces |
| `smoke_test` | asks the model server for predictions; puts the aliases back if they are wrong |

A stopped gate is no failure: the later steps are skipped, and the reason is a tag of the MLflow run.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from steps.iris import DATASET
from steps.pipeline import training_pipeline

with DAG(
    dag_id="iris_training",
    # Midnight, UTC; a new installation waits for the next one, unless one is less than five minutes past.
    schedule=CronTriggerTimetable("0 0 * * *", timezone="UTC", run_immediately=timedelta(minutes=5)),
    catchup=False,
    max_active_runs=4,
    is_paused_upon_creation=False,
    tags=["training", "iris"],
    doc_md=__doc__,
):
    training_pipeline(DATASET)
