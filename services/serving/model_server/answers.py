"""From requests' bodies to answers' bodies. Work for threads: all of it may take long."""

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from services.serving.model_server.errors import BrokenError, Problem, RefusedError

if TYPE_CHECKING:
    from services.serving.model_server.model import Model


class Question(Protocol):
    """A request for predictions."""

    @property
    def body(self) -> bytes: ...

    def rows(self) -> list[Any]:
        """The rows of the body; RefusedError when it has none."""

    def place(self, row: int, /) -> tuple[str | int, ...]:
        """Where a row is in the request."""

    def told(self, model: "Model", predictions: Any, probabilities: Any) -> object:
        """The answer's content, of the rows' predictions and probabilities (or None)."""


@dataclass(frozen=True)
class Rows:
    """Many rows for a model; `reference` is told as it was asked."""

    body: bytes
    reference: str

    def rows(self) -> list[Any]:
        given = _object(self.body)
        if "data" not in given:
            raise _refused("missing", "expected rows, got nothing", "data")
        rows = given["data"]
        if not isinstance(rows, list) or not rows:
            raise _refused("value", "expected a list of at least one row", "data")
        return rows

    def place(self, row: int, /) -> tuple[str | int, ...]:
        return "body", "data", row

    def told(self, model: "Model", predictions: Any, probabilities: Any) -> object:
        return {
            "predictions": predictions,
            "model_name": model.version.name,
            "model_version": self.reference,
            "version": model.version.number,
            "probabilities": probabilities,
            "classes": model.metadata.classes,
        }


@dataclass(frozen=True)
class OneRow:
    """One row of named values, which is the whole body."""

    body: bytes

    def rows(self) -> list[Any]:
        return [_object(self.body)]

    def place(self, _: int, /) -> tuple[str | int, ...]:
        return ("body",)

    def told(self, model: "Model", predictions: Any, probabilities: Any) -> object:
        label = predictions[0] if isinstance(predictions, list) and predictions else predictions
        return {
            "prediction": model.metadata.class_name(label),
            "probability": model.probability(label, probabilities[0]) if probabilities else None,
        }


def answers(model: "Model", questions: list[Question]) -> list[bytes | Exception]:
    """The answer to each question, or why it has none: RefusedError, BrokenError."""
    given: dict[int, Any] = {}
    found: dict[int, bytes | Exception] = {}
    for number, question in enumerate(questions):
        try:
            given[number] = model.read(question.rows(), question.place)
        except (RefusedError, BrokenError) as error:
            found[number] = error
    for number, outcome in zip(given, model.infer_each(list(given.values())), strict=True):
        try:
            found[number] = (
                outcome if isinstance(outcome, Exception) else dumped(questions[number].told(model, *outcome))
            )
        except BrokenError as error:
            found[number] = error
    return [found[number] for number in range(len(questions))]


def schema(model: "Model") -> bytes:
    """The columns that a model takes and the classes that it tells apart."""
    said = model.metadata
    return dumped(
        {
            "name": model.version.name,
            "version": model.version.number,
            "inputs": [
                {
                    "name": column.name,
                    "type": column.type,
                    "required": column.required,
                    "minimum": said.minimum(column.name),
                    "maximum": said.maximum(column.name),
                    "unit": said.unit(column.name),
                }
                for column in model.signature.columns
            ],
            "classes": said.classes,
        }
    )


def dumped(content: object) -> bytes:
    """As JSON; BrokenError for what JSON has no form for."""
    try:
        return orjson.dumps(content, _spelled, orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
    except TypeError as error:
        raise BrokenError(f"the model's answer cannot be written as JSON: {error}") from error


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _refused("json", f"expected JSON: {error}") from None
    if not isinstance(given, dict):
        raise _refused("value", "expected a JSON object")
    return given


def _refused(kind: str, message: str, *inside: str) -> RefusedError:
    problem: Problem = {"loc": ["body", *inside], "msg": message, "type": kind}
    return RefusedError([problem])


def _spelled(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
