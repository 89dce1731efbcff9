"""Versions and the two aliases, `champion` and `previous`."""

import sys
from contextlib import redirect_stderr

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from steps.dataset import Dataset

CHAMPION = "champion"
PREVIOUS = "previous"


def aliases(model: str) -> dict[str, str]:
    """The version that each alias of the model points to; nothing where there is no such model."""
    found = MlflowClient().search_registered_models(f"name = '{model}'")
    return {name: str(version) for each in found for name, version in each.aliases.items()}


def register(dataset: Dataset, run: str, model_uri: str) -> str:
    """Make the logged model a version, once: a step tried again returns the version it made."""
    client = MlflowClient()
    made = client.search_model_versions(f"name = '{dataset.model}' and run_id = '{run}'")
    if made:
        return str(made[0].version)
    try:
        client.create_registered_model(dataset.model, description=dataset.description)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    with redirect_stderr(sys.stdout):  # MLflow reports success there, and Airflow would show it as an error
        return str(mlflow.register_model(model_uri, dataset.model, await_registration_for=0).version)


def point(model: str, name: str, version: str | None) -> None:
    """Point the alias to the version, or remove it where there is none."""
    client = MlflowClient()
    if version is None:
        client.delete_registered_model_alias(model, name)
    else:
        client.set_registered_model_alias(model, name, version)
