"""CSV files of rows to predict: read in whatever dialect a spreadsheet writes, checked, and written back."""

import csv
import io
import math
from dataclasses import dataclass
from typing import Any

from services.serving.dashboard.connection import Problem
from services.serving.dashboard.model_server import Input, Prediction, Schema

MAX_ROWS = 50_000
_SHOWN = 5


@dataclass(frozen=True)
class Table:
    """Columns and rows as text; numbers use a decimal comma where `delimiter` is a semicolon."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str


def read(content: bytes) -> Table:
    """The table in a CSV file with a header line; raises Problem."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if "\0" in text:
        raise Problem("table.not_csv")
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(line)]
    except csv.Error as error:
        raise Problem("table.not_csv") from error
    if len(lines) < 2:
        raise Problem("table.empty")
    columns = tuple(name.strip() for name in lines[0])
    doubles = sorted({name for name in columns if columns.count(name) > 1})
    if doubles:
        raise Problem("table.doubles", columns=", ".join(doubles))
    if len(lines) - 1 > MAX_ROWS:
        raise Problem("table.too_long", rows=len(lines) - 1, most=MAX_ROWS)
    for number, line in enumerate(lines[1:], 1):
        if len(line) != len(columns):
            raise Problem("table.ragged", row=number, found=len(line), expected=len(columns))
    return Table(columns, tuple(tuple(line) for line in lines[1:]), delimiter)


def missing(table: Table, schema: Schema) -> list[str]:
    """Columns the model needs and the table lacks."""
    return [item.name for item in schema.inputs if item.required and item.name not in table.columns]


def unused(table: Table, schema: Schema) -> list[str]:
    """Columns the model does not take; they are kept beside the predictions."""
    known = {item.name for item in schema.inputs}
    return [name for name in table.columns if name not in known]


def values(table: Table, schema: Schema) -> list[dict[str, Any]]:
    """A row of named values for the model from each row of the table; raises Problem with every bad cell."""
    places = [(item, table.columns.index(item.name)) for item in schema.inputs if item.name in table.columns]
    rows: list[dict[str, Any]] = []
    bad: list[str] = []
    for number, row in enumerate(table.rows, 1):
        found: dict[str, Any] = {}
        for item, place in places:
            cell = row[place].strip()
            if not cell and not item.required:
                continue
            try:
                found[item.name] = _value(cell, item, table.delimiter)
            except ValueError:
                bad.append(f"{number} · {item.name} · {cell!r}")
        rows.append(found)
    if bad:
        raise Problem("table.bad_cells", count=len(bad), cells="\n\n".join(bad[:_SHOWN]))
    return rows


def write(table: Table, predictions: list[Prediction]) -> bytes:
    """The table with the prediction and its probabilities beside each row, in the dialect it came in."""
    classes = list(predictions[0].probabilities or {})
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=table.delimiter)
    writer.writerow([*table.columns, "prediction", *(f"probability_{name}" for name in classes)])
    for row, prediction in zip(table.rows, predictions, strict=True):
        chances = [_number(chance, table.delimiter) for chance in (prediction.probabilities or {}).values()]
        writer.writerow([*row, prediction.label, *chances])
    return out.getvalue().encode("utf-8-sig")


def example(schema: Schema) -> bytes:
    """A table of one row that the model takes."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([item.name for item in schema.inputs])
    writer.writerow([middle(item) if item.numeric else "" for item in schema.inputs])
    return out.getvalue().encode()


def middle(item: Input) -> float | int:
    """The middle of the input's range, rounded to what a person would type."""
    if item.minimum is None or item.maximum is None:
        return 0 if item.whole else 0.0
    centre = (item.minimum + item.maximum) / 2
    return round(centre) if item.whole else round(centre, 1)


def _value(cell: str, item: Input, delimiter: str) -> Any:
    if item.type == "boolean":
        if cell.lower() not in {"true", "false", "1", "0"}:
            raise ValueError(cell)
        return cell.lower() in {"true", "1"}
    if not item.numeric:
        return cell
    if delimiter == ";":
        cell = cell.replace(",", ".")
    number = int(cell) if item.whole else float(cell)
    if not math.isfinite(number):
        raise ValueError(cell)
    return number


def _number(value: float, delimiter: str) -> str:
    text = f"{value:.6g}"
    return text.replace(".", ",") if delimiter == ";" else text
