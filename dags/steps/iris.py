"""The seed dataset: 150 irises of three species, measured in centimetres (Fisher, 1936)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from steps.dataset import Column, Dataset

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import ClassifierMixin

SEED = 20


def load() -> pd.DataFrame:
    """The table that scikit-learn carries: four measurements and the species, 0 to 2."""
    from sklearn.datasets import load_iris

    table: pd.DataFrame = load_iris(as_frame=True).frame
    return table.set_axis([*DATASET.features, DATASET.target], axis="columns")


def candidates() -> Mapping[str, ClassifierMixin]:
    """A forest and a linear model: one of the two suits most small tables."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "random forest": RandomForestClassifier(n_estimators=100, max_depth=10, random_state=SEED),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(random_state=SEED)),
    }


DATASET = Dataset(
    name="iris",
    experiment="iris-training",
    model="iris-classifier",
    description="Species of an iris from four measurements of its flower.",
    columns=(
        Column("sepal_length", 1, 15, "cm"),
        Column("sepal_width", 0.5, 10, "cm"),
        Column("petal_length", 0.1, 15, "cm"),
        Column("petal_width", 0.01, 10, "cm"),
    ),
    target="species",
    classes=("Setosa", "Versicolor", "Virginica"),
    load=load,
    candidates=candidates,
    floor=0.9,
    trusted_types=("sklearn.tree._tree.Tree",),
)
