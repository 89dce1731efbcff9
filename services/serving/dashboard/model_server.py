"""The model server: what it can serve, what a model wants to know, and its predictions."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.serving.dashboard.connection import Connection

BATCH = 500
"""Rows in one request: few enough that the progress bar moves, enough that requests cost little."""


@dataclass(frozen=True)
class Input:
    """A column of the model's signature; the range is that of the training data, where it is known."""

    name: str
    type: str
    required: bool
    minimum: float | None
    maximum: float | None
    unit: str | None

    @property
    def whole(self) -> bool:
        """Whether values are whole numbers."""
        return self.type in {"integer", "long"}

    @property
    def numeric(self) -> bool:
        """Whether values are numbers."""
        return self.whole or self.type in {"float", "double"}


@dataclass(frozen=True)
class Schema:
    """What one version of a model takes and its classes (None: labels are used as they are)."""

    name: str
    version: str
    inputs: tuple[Input, ...]
    classes: tuple[str, ...] | None


@dataclass(frozen=True)
class Prediction:
    """A predicted label, in words where the model has class names, and a probability for each class."""

    label: str
    probabilities: dict[str, float] | None

    @property
    def confidence(self) -> float | None:
        """The probability of the predicted label."""
        return self.probabilities.get(self.label) if self.probabilities else None


class ModelServer:
    """The model server with this dashboard's key. Every method raises `Problem`."""

    def __init__(self, url: str, key: str | None) -> None:
        self._server = Connection("model_server", url, headers={"X-API-Key": key} if key else None)

    def models(self) -> list[str]:
        """The names of the models that can be asked for."""
        return [model["name"] for model in self._server.get("/models")["models"]]

    def versions(self, name: str) -> list[str]:
        """The model's version numbers, newest first."""
        found = self._server.get(f"/models/{quote(name, safe='')}/versions")["versions"]
        return sorted((str(version["version"]) for version in found), key=int, reverse=True)

    def schema(self, name: str, reference: str, *, fresh: bool = False) -> Schema:
        """The schema of a version number or alias; `fresh` makes the server look the alias up at once."""
        path = f"/models/{quote(name, safe='')}/versions/{quote(reference, safe='')}/schema"
        answer = self._server.call("GET", path, headers={"Cache-Control": "no-cache"} if fresh else {})
        inputs = tuple(
            Input(
                name=item["name"],
                type=item["type"],
                required=item.get("required", True),
                minimum=item.get("minimum"),
                maximum=item.get("maximum"),
                unit=item.get("unit"),
            )
            for item in answer["inputs"] or ()
        )
        classes = answer.get("classes")
        return Schema(answer["name"], str(answer["version"]), inputs, tuple(classes) if classes else None)

    def predict(self, schema: Schema, rows: list[dict[str, Any]]) -> list[Prediction]:
        """A prediction for each row, all by the version the schema is of."""
        path = f"/predict/{quote(schema.name, safe='')}/{schema.version}"
        answer = self._server.post(path, {"data": rows})
        names = answer.get("classes") or schema.classes
        probabilities = answer.get("probabilities") or [None] * len(answer["predictions"])
        return [
            Prediction(_label(value, names), _named(chances, names))
            for value, chances in zip(answer["predictions"], probabilities, strict=True)
        ]


def _label(value: Any, names: Any) -> str:
    if names and isinstance(value, int) and 0 <= value < len(names):
        return str(names[value])
    return str(value)


def _named(chances: list[float] | None, names: Any) -> dict[str, float] | None:
    if chances is None:
        return None
    labels = names if names and len(names) == len(chances) else range(len(chances))
    return {str(label): float(chance) for label, chance in zip(labels, chances, strict=True)}
