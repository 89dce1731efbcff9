"""The table: its rules, and which of its rows no model may learn from."""

import pandas as pd

from steps import Final
from steps.dataset import Dataset

HELD_OUT_PERCENT = 30
LEAST_ROWS_OF_A_CLASS = 3
"""In the rows to learn from and in the held-out rows alike; cross-validation has as many folds."""


class InvalidData(Final):
    """The table breaks its dataset's rules; the text names each."""


def validate(dataset: Dataset, table: pd.DataFrame) -> None:
    """Raise InvalidData with one sentence for each broken rule."""
    broken = _problems(dataset, table)
    if broken:
        raise InvalidData(f"The data of {dataset.name} cannot be used. {' '.join(broken)}")


def split(dataset: Dataset, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from, and held-out rows.

    A row's own values decide its side, so it stays there when the table grows or is sorted
    another way: no champion is ever measured on a row that it has learned from.
    """
    sides = pd.util.hash_pandas_object(table[dataset.features].astype("float64"), index=False) % 100
    held_out = (sides < HELD_OUT_PERCENT).to_numpy()
    return table[~held_out], table[held_out]


def _problems(dataset: Dataset, table: pd.DataFrame) -> list[str]:
    expected = [*dataset.features, dataset.target]
    if sorted(map(str, table.columns)) != sorted(expected):
        return [f"Its columns are {', '.join(map(str, table.columns))}; expected are {', '.join(expected)}."]
    found = []
    for name in expected:
        values = table[name]
        if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            found.append(f"Column {name} holds {values.dtype}; expected are numbers.")
        elif values.isna().any():
            found.append(f"Column {name} lacks a value in {int(values.isna().sum())} rows.")
    if found:
        return found
    for column in dataset.columns:
        values = table[column.name]
        outside = values[(values < column.minimum) | (values > column.maximum)]
        if len(outside):
            found.append(
                f"Column {column.name} holds {outside.iloc[0]:g}{f' {column.unit}' if column.unit else ''} "
                f"(and {len(outside) - 1} more such values); expected are "
                f"{column.minimum:g} to {column.maximum:g}."
            )
    unknown = set(table[dataset.target]) - set(range(len(dataset.classes)))
    if unknown:
        found.append(
            f"Column {dataset.target} holds the classes {sorted(unknown)}; "
            f"expected are 0 to {len(dataset.classes) - 1}."
        )
    return found or _scarce(dataset, table)


def _scarce(dataset: Dataset, table: pd.DataFrame) -> list[str]:
    sides = zip(("to learn from", "held out"), split(dataset, table), strict=True)
    counts = [(side, rows[dataset.target].value_counts()) for side, rows in sides]
    return [
        f"Class {name} has {int(count.get(number, 0))} rows {side}; "
        f"expected are {LEAST_ROWS_OF_A_CLASS} or more."
        for side, count in counts
        for number, name in enumerate(dataset.classes)
        if count.get(number, 0) < LEAST_ROWS_OF_A_CLASS
    ]
