"""What the model server predicts, in the words of this API."""

from collections.abc import Mapping
from typing import Any

from services.serving.prediction_api.model_server import unexpected


def prediction(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer for one row: `prediction`, `class`, `probabilities`, `model_version`.

    `prediction` is the class's name where the model knows names, else the raw value; class 0 is a
    class like any other. Raises Problem 502 for an answer of another shape.
    """
    match answer:
        case {
            "predictions": [raw],
            "version": str(version),
            "classes": list() | None as names,
            "probabilities": [[*_]] | None as rows,
        }:
            return {
                "prediction": _name(raw, names or []),
                "class": raw,
                "probabilities": _by_name(rows[0], names or []) if rows else None,
                "model_version": version,
            }
    raise unexpected()


def _name(raw: Any, names: list[str]) -> Any:
    return names[raw] if isinstance(raw, int) and 0 <= raw < len(names) else raw


def _by_name(probabilities: list[float], names: list[str]) -> dict[str, float]:
    if len(names) != len(probabilities):
        names = [str(number) for number in range(len(probabilities))]
    return dict(zip(names, probabilities, strict=True))
