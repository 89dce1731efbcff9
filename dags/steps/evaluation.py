"""A candidate and the champion, measured on the same held-out rows."""

from typing import TypedDict

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PyFuncModel
from mlflow.tracking import MlflowClient
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from steps.data import split
from steps.dataset import Dataset
from steps.registry import CHAMPION, aliases


class Comparison(TypedDict):
    """What the gate judges: metrics of both; `champion` is None where there is none or it cannot predict."""

    candidate: dict[str, float]
    champion: dict[str, float] | None
    champion_version: str | None
    champion_error: str | None


def evaluate(dataset: Dataset, run: str, table: pd.DataFrame, model_uri: str) -> Comparison:
    """Compare the model with whatever is champion now, and log both models' metrics in the run."""
    comparison = compare(dataset, table, model_uri)
    champion = {f"champion_{name}": value for name, value in (comparison["champion"] or {}).items()}
    for name, value in (comparison["candidate"] | champion).items():
        MlflowClient().log_metric(run, name, value)
    return comparison


def compare(dataset: Dataset, table: pd.DataFrame, model_uri: str) -> Comparison:
    """Measure the model and the champion on the held-out rows."""
    _, rows = split(dataset, table)
    version = aliases(dataset.model).get(CHAMPION)
    found = Comparison(
        candidate=_measured(dataset, mlflow.pyfunc.load_model(model_uri), rows),
        champion=None,
        champion_version=version,
        champion_error=None,
    )
    if version:
        champion = mlflow.pyfunc.load_model(f"models:/{dataset.model}/{version}")
        try:
            found["champion"] = _measured(dataset, champion, rows)
        except Exception as error:  # a model that somebody registered by hand may fail in any way
            found["champion_error"] = f"{type(error).__name__}: {str(error)[:200]}"
    return found


def predicted(dataset: Dataset, model: PyFuncModel, rows: pd.DataFrame) -> list[int]:
    """The model's class numbers for the rows."""
    labels: list[int] = np.asarray(model.predict(rows[dataset.features])).astype(int).tolist()
    return labels


def _measured(dataset: Dataset, model: PyFuncModel, rows: pd.DataFrame) -> dict[str, float]:
    # Precision, recall and F1 are means over the classes.
    truth, guess = rows[dataset.target], predicted(dataset, model, rows)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, guess, average="macro", zero_division=0)
    return {
        "accuracy": float(accuracy_score(truth, guess)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
    }
