"""What a dataset module says about its data; all else in this folder is the same for every dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import ClassifierMixin


@dataclass(frozen=True)
class Column:
    """A measurement, and the limits outside which a value must be a mistake."""

    name: str
    minimum: float
    maximum: float
    unit: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A classification task.

    `load` returns a frame with one numeric column for each of `columns`, and `target`: the
    number of the row's class, 0 to len(classes) - 1. `candidates` returns unfitted estimators
    by name, each with a fixed random state.
    `floor` is the accuracy on held-out rows below which no model is registered.
    `trusted_types` are the types in fitted candidates that skops, the format of the stored model,
    does not know as harmless; logging a model fails with their names when one is missing here.
    """

    name: str
    experiment: str
    model: str
    description: str
    columns: tuple[Column, ...]
    target: str
    classes: tuple[str, ...]
    load: Callable[[], pd.DataFrame]
    candidates: Callable[[], Mapping[str, ClassifierMixin]]
    floor: float
    trusted_types: tuple[str, ...] = ()

    @property
    def features(self) -> list[str]:
        """The names of the measurements, in the order of the model's signature."""
        return [column.name for column in self.columns]
