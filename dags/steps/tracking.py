"""The MLflow run of one pipeline run: what the steps hand to each other lies in it, never on a disk."""

import hashlib
import io
import json

import mlflow
import pandas as pd
from mlflow.entities import DatasetInput, Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from steps.dataset import Dataset

PIPELINE_RUN = "pipeline_run"


def open_run(dataset: Dataset, pipeline_run: str) -> str:
    """The id of the MLflow run that belongs to the pipeline run: a step tried again finds it there."""
    client = MlflowClient()
    experiment = _experiment(client, dataset.experiment)
    found: list[Run] = client.search_runs(
        [experiment], f"tags.{PIPELINE_RUN} = '{pipeline_run}'", max_results=1
    )
    run = (
        found[0]
        if found
        else client.create_run(
            experiment, run_name=pipeline_run, tags={PIPELINE_RUN: pipeline_run, "dataset": dataset.name}
        )
    )
    return str(run.info.run_id)


def close_run(run: str, *, failed_step: str | None = None) -> None:
    """End the run, as a failed one when a step is named."""
    client = MlflowClient()
    if failed_step:
        client.set_tag(run, "failed_step", failed_step)
    client.set_terminated(run, "FAILED" if failed_step else "FINISHED")


def stop_run(run: str, reason: str) -> None:
    """End the run where the gate stopped it: no failure, and the reason is a tag."""
    client = MlflowClient()
    client.set_tag(run, "gate", f"stopped: {reason}")
    client.set_terminated(run)


def save_table(dataset: Dataset, run: str, table: pd.DataFrame) -> None:
    """Keep the table in the run as CSV, and its digest among the run's inputs."""
    client, text = MlflowClient(), table.to_csv(index=False)
    client.log_text(run, text, _snapshot(dataset))
    described = mlflow.entities.Dataset(
        name=dataset.name,
        digest=hashlib.sha256(text.encode()).hexdigest()[:8],
        source_type="artifact",
        source=json.dumps({"uri": f"runs:/{run}/{_snapshot(dataset)}"}),
        profile=json.dumps({"num_rows": len(table)}),
    )
    try:
        client.log_inputs(run, [DatasetInput(described)])
    except MlflowException as error:
        # MLflow looks for the same data in its table `datasets` and then inserts it, with nothing to keep
        # another run from doing so between; once that one has, it is found.
        if "datasets" not in str(error):
            raise
        client.log_inputs(run, [DatasetInput(described)])


def load_table(dataset: Dataset, run: str) -> pd.DataFrame:
    """The very table that was saved, to the last bit of each number."""
    text = mlflow.artifacts.load_text(f"runs:/{run}/{_snapshot(dataset)}")
    return pd.read_csv(io.StringIO(text))


def _snapshot(dataset: Dataset) -> str:
    return f"data/{dataset.name}.csv"


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found:
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return _experiment(client, name)  # another pipeline run was quicker
