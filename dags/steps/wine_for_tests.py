"""A second dataset, as small as a module for one can be: 178 wines, 13 measurements, three growers."""

from collections.abc import Mapping

import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from steps.dataset import Column, Dataset


def load() -> pd.DataFrame:
    table: pd.DataFrame = load_wine(as_frame=True).frame
    return table.rename(columns={"target": "grower"})


def candidates() -> Mapping[str, ClassifierMixin]:
    return {"logistic regression": make_pipeline(StandardScaler(), LogisticRegression(random_state=0))}


DATASET = Dataset(
    name="wine",
    experiment="wine-training",
    model="wine-classifier",
    description="Grower of a wine.",
    columns=tuple(Column(name, 0, 2000) for name in load_wine().feature_names),
    target="grower",
    classes=("First", "Second", "Third"),
    load=load,
    candidates=candidates,
    floor=0.9,
)
