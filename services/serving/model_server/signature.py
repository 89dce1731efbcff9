"""A model's signature: which columns it takes, and whether the rows of a request fit them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

from services.serving.model_server.cells import (
    NUMBERS,
    Place,
    Read,
    UnfitError,
    anything,
    bounds,
    nested,
    reader,
    scalar,
    shown,
)
from services.serving.model_server.errors import Problem, RefusedError

Form = Literal["frame", "matrix", "tensor", "tensors", "free"]
DType = np.dtype[Any]

_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Column:
    """One input; `dtype` is what its values are given to the model as, None leaves that to pandas."""

    name: str
    type: str
    read: Read
    dtype: DType | None = None
    required: bool = True


class Signature:
    """The columns of a model, in order, and the form that its input takes.

    `frame` is a data frame; `matrix` an array, rows × columns; `tensor` an array of another shape, whose
    one column has no name; `tensors` arrays by name; `free` a data frame of whatever the rows are.
    `matrix_will_do` says that a model gives the same for an array of a frame's numbers, which is
    made ten times faster.
    """

    def __init__(
        self,
        form: Form,
        columns: Sequence[Column] = (),
        *,
        keys: Sequence[Any] | None = None,
        length: int | None = None,
        matrix_will_do: bool = False,
    ) -> None:
        self.form: Form = form
        self.columns = tuple(columns)
        self._names = [column.name for column in columns]
        self._known = set(self._names)
        self._keys = self._names if keys is None else keys
        self._expected = f"{len(columns)} values ({', '.join(self._names)})"
        self._length = length
        self._matrix_will_do = matrix_will_do
        dtypes = {column.dtype for column in columns}
        self._number = next(iter(dtypes)) if len(dtypes) == 1 else None

    @classmethod
    def of(cls, schema: Schema, names: Sequence[str] = (), *, matrix_will_do: bool = False) -> "Signature":
        """From a logged model's input schema; `names` are for the columns that it leaves unnamed."""
        specs: list[Any] = schema.inputs
        if isinstance(specs[0], ColSpec):
            has_names = schema.has_input_names()
            given: Sequence[str] = [s.name for s in specs] if has_names else _names(len(specs), names)
            columns = [_column(name, spec) for name, spec in zip(given, specs, strict=True)]
            keys = None if has_names else range(len(specs))
            return cls("frame", columns, keys=keys, matrix_will_do=matrix_will_do)
        kind, shape = specs[0].type, specs[0].shape
        length = None if shape[0] == -1 else shape[0]
        if specs[0].name is not None:
            return cls("tensors", [_tensor(spec.name, spec) for spec in specs], length=length)
        if len(shape) != 2 or shape[1] < 1:
            return cls("tensor", [_tensor("input", specs[0])], length=length)
        read = scalar(kind, kind.name)
        return cls(
            "matrix", [Column(n, kind.name, read, kind) for n in _names(shape[1], names)], length=length
        )

    @classmethod
    def unsigned(cls, count: int, fitted: Sequence[str] = (), names: Sequence[str] = ()) -> "Signature":
        """Of a model without a signature that was fitted on `count` columns, `fitted` when they had names."""
        columns = [Column(name, "any", anything) for name in fitted or _names(count, names)]
        return cls("frame" if fitted else "matrix", columns)

    def read(self, rows: Sequence[Any], where: Callable[[int], Place]) -> Any:
        """The rows as the model's input, or RefusedError that names what is unfit.

        Rows (one at least) are lists in the columns' order or objects by their names; `where` gives a
        row's place in the request.
        """
        if self.form == "free":
            return pd.DataFrame(rows)
        report = _Report(where)
        if self._length not in (None, len(rows)):
            report.add(0, "length", f"expected {self._length} rows, got {len(rows)}")
        if self.form == "tensor":
            table = [[row] for row in rows]
        else:
            table = [self._cells(row, number, report) for number, row in enumerate(rows)]
        report.end()
        columns = list(zip(*table, strict=True))
        found = _numbers(columns, self._number)
        if found is None:
            found = [self._values(*pair, report) for pair in zip(self.columns, columns, strict=True)]
            report.end()
        return self._formed(found)

    def _cells(self, row: Any, number: int, report: "_Report") -> list[Any]:
        if isinstance(row, list):
            if len(row) != len(self._names):
                report.add(number, "length", f"expected {self._expected}, got {len(row)}")
            return row
        if not isinstance(row, dict):
            report.add(number, "row", f"expected a list of {self._expected} or an object, got {shown(row)}")
            return []
        for column in self.columns:
            if column.required and column.name not in row:
                report.add(number, "missing", f"expected {column.type}, got nothing", column.name)
        for name in sorted(row.keys() - self._known):
            known = ", ".join(self._names)
            report.add(number, "unexpected", f"expected only {known}, got also {shown(name)}", name)
        return [row.get(name) for name in self._names]

    def _values(self, column: Column, cells: Sequence[Any], report: "_Report") -> Any:
        inside = () if self.form == "tensor" else (column.name,)
        found = []
        for row, cell in enumerate(cells):
            try:
                found.append(None if cell is None and not column.required else column.read(cell))
            except UnfitError as unfit:
                report.add(row, "value", str(unfit), *inside, *unfit.place)
        if report.problems:
            return found
        try:
            return _array(found, column.dtype)
        except ValueError:
            report.add(0, "shape", f"expected every row's {column.name} to be of one shape", *inside)
            return found

    def _formed(self, found: Any) -> Any:
        match self.form:
            case "tensor":
                return np.asarray(found[0])
            case "tensors":
                return dict(zip(self._names, map(np.asarray, found), strict=True))
            case "matrix":
                return np.ascontiguousarray(np.asarray(found).T)
        if self._matrix_will_do and isinstance(found, np.ndarray):
            return found.T  # laid out as the values of the frame would be
        return pd.DataFrame(dict(zip(self._keys, found, strict=True)))


class _Report:
    """What is wrong with the rows, up to a number that a person can read."""

    def __init__(self, where: Callable[[int], Place]) -> None:
        self._where = where
        self.problems: list[Problem] = []

    def add(self, row: int, kind: str, message: str, *inside: str | int) -> None:
        self.problems.append({"loc": [*self._where(row), *inside], "msg": message, "type": kind})
        if len(self.problems) == _MOST_PROBLEMS:
            self.end()

    def end(self) -> None:
        if self.problems:
            raise RefusedError(self.problems)


def _names(count: int, names: Sequence[str]) -> Sequence[str]:
    """The names, if they are as many; else as scikit-learn calls columns that were never named."""
    return names if len(names) == count else [f"x{number}" for number in range(count)]


def _column(name: str, spec: ColSpec) -> Column:
    kind, required = spec.type, bool(spec.required)
    if isinstance(kind, DataType):
        return Column(name, kind.name, reader(kind), kind.to_numpy(), required)
    return Column(name, str(kind), reader(kind), None, required)


def _tensor(name: str, spec: TensorSpec) -> Column:
    shape = spec.shape[1:]
    text = f"{spec.type.name} tensor of shape {shape}" if shape else spec.type.name
    return Column(name, text, nested(scalar(spec.type, spec.type.name), shape, text), spec.type)


def _numbers(columns: Sequence[Sequence[Any]], dtype: DType | None) -> Any:
    """Columns of nothing but fitting numbers as one array; None where each cell must be looked at."""
    if dtype is None or dtype.kind not in "fi":
        return None
    if not {type(cell) for cells in columns for cell in cells} <= NUMBERS:
        return None
    array = np.array(columns)
    if array.dtype.kind != "i" and (array.dtype.kind, dtype.kind) != ("f", "f"):
        return None
    lowest, highest = bounds(dtype)
    within = lowest <= array.min() and array.max() <= highest
    return array.astype(dtype, copy=False) if within else None


def _array(found: list[Any], dtype: DType | None) -> Any:
    """A column's values as the model takes them: what is null is NaN, NaT or None."""
    if dtype is None or dtype.kind in "OUS":
        return found
    if None not in found:
        return np.array(found, dtype)
    if dtype.kind == "b":
        return found
    return np.array(found, dtype if dtype.kind in "fM" else float)
