"""Whether a model may be registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steps.evaluation import Comparison

METRIC = "accuracy"


def objection(comparison: Comparison, floor: float) -> str | None:
    """Why the candidate must stop here, or None when it may go on."""
    value = comparison["candidate"][METRIC]
    version = comparison["champion_version"]
    if not value >= floor:
        return f"{METRIC} {value:.4f} is below the floor {floor:.4f}"
    if comparison["champion_error"]:
        return (
            f"champion (version {version}) cannot be measured on this data ({comparison['champion_error']}); "
            "move or delete the alias `champion` if it is broken"
        )
    champion = comparison["champion"]
    if champion and value < champion[METRIC]:
        return f"{METRIC} {value:.4f} is worse than the champion's {champion[METRIC]:.4f} (version {version})"
    return None
