"""One value of a request's data, read as the type that a model's signature gives its place."""

import base64
import binascii
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from mlflow.types import DataType
from mlflow.types.schema import AnyType, Array, Map, Object

Place = tuple[str | int, ...]
"""Where a value is: keys and indices from the outside in."""

Read = Callable[[Any], Any]
"""Turns a JSON value into what the model takes, or raises UnfitError."""

NUMBERS = {int, float}

_MOST_EXACT = 2**53
_YEARS = range(1678, 2262)  # what 64 bits of nanoseconds hold


class UnfitError(ValueError):
    """A value is not what its place expects; `place` leads to it inside the cell."""

    def __init__(self, expected: str, got: object, place: Place = ()) -> None:
        super().__init__(f"expected {expected}, got {shown(got)}")
        self.expected, self.got, self.place = expected, got, place


def reader(kind: Any) -> Read:
    """The reader of a signature's column type; TypeError for one that MLflow has not had so far."""
    match kind:
        case DataType():
            return scalar(kind.to_numpy(), kind.name)
        case Array():
            return _list(reader(kind.dtype))
        case Object():
            return _object({p.name: (reader(p.dtype), p.required) for p in kind.properties})
        case Map():
            return _map(reader(kind.value_type))
        case AnyType():
            return anything
    raise TypeError(f"a signature with the type {kind!r} is not known")


def anything(value: Any) -> Any:
    return value


def scalar(dtype: "np.dtype[Any]", expected: str) -> Read:
    """The reader of one value of the NumPy type, which the client knows as `expected`."""
    lowest, highest = bounds(dtype) if dtype.kind in "iuf" else (0, 0)

    def boolean(value: Any) -> bool:
        if not isinstance(value, bool):
            raise UnfitError(expected, value)
        return value

    def whole(value: Any) -> int:
        found = int(value) if _is_whole(value) else value
        if type(found) is not int or not lowest <= found <= highest:
            raise UnfitError(expected, value)
        return found

    def real(value: Any) -> float:
        if type(value) not in NUMBERS or not lowest <= value <= highest:  # a NaN is within no bounds
            raise UnfitError(expected, value)
        return float(value)

    def text(value: Any) -> str:
        if not isinstance(value, str):
            raise UnfitError(expected, value)
        return value

    def octets(value: Any) -> bytes:
        try:
            return base64.b64decode(text(value), validate=True)
        except (binascii.Error, ValueError):
            raise UnfitError(f"{expected} in base64", value) from None

    def moment(value: Any) -> "np.datetime64":
        try:
            found = datetime.fromisoformat(text(value))
            naive = found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
        except (ValueError, OverflowError):
            raise UnfitError(f"{expected} in ISO 8601", value) from None
        if naive.year not in _YEARS:
            raise UnfitError(f"{expected} in the years {_YEARS[0]} to {_YEARS[-1]}", value)
        return np.datetime64(naive, "ns")

    readers = {"b": boolean, "i": whole, "u": whole, "f": real, "U": text, "S": octets, "M": moment}
    return readers.get(dtype.kind, anything)


def bounds(dtype: "np.dtype[Any]") -> tuple[float, float]:
    """The lowest and the highest finite value of a number type, exact."""
    if dtype.kind == "f":
        highest = float(np.finfo(dtype).max)
        return -highest, highest
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def nested(read: Read, shape: Sequence[int], expected: str) -> Read:
    """The reader of lists nested to the shape, where -1 is any length."""
    if not shape:
        return read
    inner = nested(read, shape[1:], expected)

    def lists(value: Any) -> list[Any]:
        if not isinstance(value, list) or shape[0] not in (-1, len(value)):
            raise UnfitError(expected, value)
        return [_inside(index, inner, item) for index, item in enumerate(value)]

    return lists


def shown(value: object) -> str:
    """A JSON value as a sentence says it, in a few words whatever its size."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
        case int() if abs(value) > 10**20:
            return f"a number of {int(math.log10(abs(value))) + 1} digits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…{text[0]}"


def _is_whole(value: object) -> bool:
    """Whether it is a float that stands for one integer only, as 3.0 does."""
    return isinstance(value, float) and value.is_integer() and abs(value) <= _MOST_EXACT


def _list(read: Read) -> Read:
    def items(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise UnfitError("a list", value)
        return [_inside(index, read, item) for index, item in enumerate(value)]

    return items


def _object(properties: dict[str, tuple[Read, bool]]) -> Read:
    def members(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise UnfitError("an object", value)
        for name in value.keys() - properties.keys():
            raise UnfitError(f"one of {', '.join(properties)}", name, (name,))
        return {
            name: _inside(name, read, value.get(name))
            for name, (read, required) in properties.items()
            if required or value.get(name) is not None
        }

    return members


def _map(read: Read) -> Read:
    def entries(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise UnfitError("an object", value)
        return {name: _inside(name, read, entry) for name, entry in value.items()}

    return entries


def _inside(place: str | int, read: Read, value: Any) -> Any:
    try:
        return read(value)
    except UnfitError as unfit:
        raise UnfitError(unfit.expected, unfit.got, (place, *unfit.place)) from None
