"""Candidates are compared on the rows to learn from; the best one is fitted on all of them and logged."""

import platform
import time
from collections.abc import Mapping
from importlib.metadata import version

import mlflow
import pandas as pd
from mlflow.entities import Metric, Param
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, Schema
from sklearn.base import ClassifierMixin
from sklearn.model_selection import StratifiedKFold, cross_validate

from steps.data import LEAST_ROWS_OF_A_CLASS, split
from steps.dataset import Dataset

SCORES = {"cv_accuracy": "accuracy", "cv_f1": "f1_macro"}
REQUIREMENTS = ("mlflow-skinny", "numpy", "pandas", "scikit-learn", "skops")
ENVIRONMENT = {
    "name": "model",
    "dependencies": [
        f"python={platform.python_version()}",
        "pip",
        {"pip": [f"{name}=={version(name)}" for name in REQUIREMENTS]},
    ],
}
"""What a server needs to load the model; said outright, because finding it out takes MLflow ten seconds."""


def train(dataset: Dataset, run: str, table: pd.DataFrame) -> str:
    """Fit the best candidate, log it in the run and return its URI; each candidate becomes a child run."""
    rows, _ = split(dataset, table)
    client = MlflowClient()
    candidates = dataset.candidates()
    scores = {name: cross_validated(dataset, model, rows) for name, model in candidates.items()}
    for name, model in candidates.items():
        _log_candidate(client, run, name, model, scores[name])
    best = max(scores, key=lambda name: scores[name]["cv_f1"])
    print(f"Best of {len(candidates)} candidates: {best}, {scores[best]}")
    _log(client, run, {"candidate": best, **parameters(candidates[best])}, scores[best])
    model = candidates[best].fit(rows[dataset.features], rows[dataset.target])
    return _log_model(dataset, run, model, table)


def cross_validated(dataset: Dataset, model: ClassifierMixin, rows: pd.DataFrame) -> dict[str, float]:
    """Mean scores over folds that are the same for every candidate."""
    folds = StratifiedKFold(LEAST_ROWS_OF_A_CLASS, shuffle=True, random_state=0)
    found = cross_validate(model, rows[dataset.features], rows[dataset.target], cv=folds, scoring=SCORES)
    return {name: float(found[f"test_{name}"].mean()) for name in SCORES}


def parameters(model: ClassifierMixin) -> dict[str, str]:
    """The estimator's class and its plain settings; parts that are estimators themselves are left out."""
    plain = {name: value for name, value in model.get_params().items() if _is_plain(value)}
    return {"estimator": type(model).__name__, **{name: str(value) for name, value in plain.items()}}


def metadata(dataset: Dataset, table: pd.DataFrame) -> dict[str, object]:
    """What forms and clients need beyond the signature: class names, each input's unit and usual range."""
    return {
        "classes": list(dataset.classes),
        "inputs": {
            column.name: {
                "minimum": float(table[column.name].min()),
                "maximum": float(table[column.name].max()),
                "unit": column.unit,
            }
            for column in dataset.columns
        },
    }


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _log_candidate(
    client: MlflowClient, parent: str, name: str, model: ClassifierMixin, scores: Mapping[str, float]
) -> None:
    experiment = client.get_run(parent).info.experiment_id
    run = client.create_run(experiment, run_name=name, tags={"mlflow.parentRunId": parent}).info.run_id
    _log(client, run, {"candidate": name, **parameters(model)}, scores)
    client.set_terminated(run)


def _log(client: MlflowClient, run: str, params: Mapping[str, str], metrics: Mapping[str, float]) -> None:
    now = int(time.time() * 1000)
    client.log_batch(
        run,
        metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
        params=[Param(name, value) for name, value in params.items()],
    )


def _log_model(dataset: Dataset, run: str, model: ClassifierMixin, table: pd.DataFrame) -> str:
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        run_id=run,
        signature=ModelSignature(
            inputs=Schema([ColSpec("double", name) for name in dataset.features]),
            outputs=Schema([ColSpec("long")]),
        ),
        input_example=table[dataset.features].head(3),
        metadata=metadata(dataset, table),
        serialization_format="skops",
        skops_trusted_types=list(dataset.trusted_types),
        conda_env=ENVIRONMENT,
    )
    return str(logged.model_uri)
