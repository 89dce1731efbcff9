"""A loaded model: JSON values in, what the model says out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException

from services.serving.model_server.cells import Place
from services.serving.model_server.errors import BrokenError, RefusedError, first_line
from services.serving.model_server.metadata import Metadata
from services.serving.model_server.signature import Signature
from services.serving.model_server.versions import Version

Outcome = tuple[Any, Any] | RefusedError | BrokenError
"""The predictions, one a row, and the probabilities, rows × classes, or None; or why there are none."""

_BLAMES_THE_DATA = (ValueError, TypeError, LookupError, OverflowError, MlflowException)


@dataclass(frozen=True)
class Model:
    """One version in memory.

    `infer` gives for the model's own input the predictions and the probabilities. `labels` are what
    the probabilities' columns stand for. `rows_are_independent` says that arrays may be predicted
    together.
    """

    version: Version
    signature: Signature
    metadata: Metadata
    infer: Callable[[Any], tuple[Any, Any]]
    labels: list[Any] | None = None
    rows_are_independent: bool = False

    def read(self, rows: Sequence[Any], place: Callable[[int], Place]) -> Any:
        """The rows as the model's input, `place` being a row's in the request; RefusedError."""
        try:
            return self.signature.read(rows, place)
        except _BLAMES_THE_DATA as error:
            raise self._refusal(error) from error

    def infer_each(self, inputs: Sequence[Any]) -> list[Outcome]:
        """The outcome of every input; together where that is the same and faster."""
        if len(inputs) > 1 and self.rows_are_independent and all(type(x) is np.ndarray for x in inputs):
            together = self._outcome(np.concatenate(inputs))
            if isinstance(together, tuple):
                return list(_parts(together, list(map(len, inputs))))
        return [self._outcome(given) for given in inputs]

    def probability(self, prediction: Any, probabilities: list[float]) -> float | None:
        """How probable the predicted label is, by the probabilities of its row."""
        if self.labels is None or prediction not in self.labels:
            return None
        return probabilities[self.labels.index(prediction)]

    def _outcome(self, given: Any) -> Outcome:
        try:
            predictions, probabilities = self.infer(given)
        except _BLAMES_THE_DATA as error:
            return self._refusal(error)
        except Exception as error:
            return BrokenError(f"{self.version} failed: {first_line(error)}")
        is_table = isinstance(probabilities, np.ndarray) and probabilities.ndim == 2
        return _plain(predictions), probabilities.tolist() if is_table else None

    def _refusal(self, error: Exception) -> RefusedError:
        message = f"{self.version} refused the data: {first_line(error)}"
        return RefusedError([{"loc": ["body"], "msg": message, "type": "refused"}])


def _parts(together: tuple[Any, Any], lengths: list[int]) -> Iterator[tuple[Any, Any]]:
    predictions, probabilities = together
    start = 0
    for length in lengths:
        rows = slice(start, start + length)
        yield predictions[rows], probabilities and probabilities[rows]
        start += length


def _plain(value: Any) -> Any:
    """NumPy's and pandas' values as lists, records and Python's own."""
    if isinstance(value, pd.DataFrame):
        return value.to_dict("records")
    if isinstance(value, np.ndarray | np.generic | pd.Series):
        return value.tolist()
    return value
