"""One row of values, as a client sends it."""

import json
import math
from typing import NoReturn, TypeAlias

from services.serving.prediction_api.problem import Problem

Scalar: TypeAlias = float | int | str | bool | None
Row: TypeAlias = list[Scalar] | dict[str, Scalar]

EXAMPLE = '{"data": [5.1, 3.5, 1.4, 0.2]}'


def parse(body: bytes) -> Row:
    """The row in a body such as `{"data": [5.1, 3.5]}` or `{"data": {"sepal_length": 5.1}}`.

    Only its shape is checked here; what a column expects, the model server knows.
    Raises Problem 400 for what is not JSON and 422 for JSON of another shape.
    """
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except RecursionError:
        raise Problem(400, "invalid_json", "The body is nested too deeply.") from None
    except ValueError as error:
        raise Problem(400, "invalid_json", f"The body is not JSON: {_reason(error)}.") from None
    if not isinstance(document, dict) or "data" not in document:
        raise _unusable(f"The body must be an object that holds data, such as {EXAMPLE}.")
    return _row(document["data"])


def _row(data: object) -> Row:
    if isinstance(data, list):
        values = dict(enumerate(data))
    elif isinstance(data, dict):
        values = data
    else:
        raise _unusable(f"data must be a list of values or an object of named values, such as {EXAMPLE}.")
    if not values:
        raise _unusable("data is empty; it must hold one value for each column.")
    for place, value in values.items():
        _check(place, value)
    return data


def _check(place: int | str, value: object) -> None:
    where = f"data[{json.dumps(place)}]"
    if isinstance(value, list | dict):
        raise _unusable(f"{where} is not a single value; data must be one row, such as {EXAMPLE}.")
    if isinstance(value, int | float) and not _is_finite(value):
        raise _unusable(f"{where} is too large for a number.")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _unusable(sentence: str) -> Problem:
    return Problem(422, "invalid_data", sentence)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _reason(error: ValueError) -> str:
    match error:
        case json.JSONDecodeError():
            return f"{error.msg} at line {error.lineno}, column {error.colno}"
        case UnicodeDecodeError():
            return "it is not UTF-8 text"
        case _ if "digits" in str(error):
            return "a number has too many digits"
        case _:
            return str(error)
