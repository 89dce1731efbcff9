"""Make a version the champion, and roll back, with a person's own rights.

MLflow has no transactions, so the order is chosen: `previous` and the audit tags are written
first, the alias `champion` last. What is served changes in that one last call, and until it
nothing that was served has moved; a failure before it is put back, or said in words.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from services.serving.dashboard.connection import Problem
from services.serving.dashboard.registry import Model, Registry

CHAMPION = "champion"
PREVIOUS = "previous"


@dataclass(frozen=True)
class Change:
    """What a promotion does to the model's aliases; `champion` and `previous` are those of before."""

    model: str
    version: str
    champion: str | None
    previous: str | None


def promotion(model: Model, version: str) -> Change:
    """`version` becomes champion; the champion of now, if any, becomes `previous`."""
    return Change(model.name, version, model.aliases.get(CHAMPION), model.aliases.get(PREVIOUS))


def rollback(model: Model) -> Change | None:
    """`previous` becomes champion again and the champion of now `previous`; None if there is nothing to."""
    back = model.aliases.get(PREVIOUS)
    if back is None or back == model.aliases.get(CHAMPION):
        return None
    return promotion(model, back)


def carry_out(registry: Registry, change: Change, by: str) -> None:
    """Do it and write the audit on the version.

    Raises Problem when nothing was changed (no right, MLflow away, somebody else was faster), and
    Problem("promotion.half_done") when a failure could not be put back.
    """
    if promotion(registry.model(change.model), change.version) != change:
        raise Problem("promotion.overtaken", model=change.model)
    before = registry.version(change.model, change.version).tags
    audit = {
        "promoted_by": by,
        "promoted_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "promotion": "dashboard",
    }
    try:
        if change.champion:
            registry.set_alias(change.model, PREVIOUS, change.champion)
        for key, value in audit.items():
            registry.set_tag(change.model, change.version, key, value)
        registry.set_alias(change.model, CHAMPION, change.version)
    except Problem:
        try:
            if registry.model(change.model).aliases.get(CHAMPION) == change.version:
                return  # the answer to the last call was lost, the change was not
            _put_back(registry, change, before, audit)
        except Problem as second:
            raise Problem(
                "promotion.half_done",
                model=change.model,
                version=change.version,
                champion=change.champion or "–",
                previous=change.previous or "–",
            ) from second
        raise


def _put_back(registry: Registry, change: Change, before: dict[str, str], audit: dict[str, str]) -> None:
    if registry.model(change.model).aliases.get(PREVIOUS) != change.previous:
        if change.previous:
            registry.set_alias(change.model, PREVIOUS, change.previous)
        else:
            registry.delete_alias(change.model, PREVIOUS)
    found = registry.version(change.model, change.version).tags
    for key in audit:
        if found.get(key) == before.get(key):
            continue
        if key in before:
            registry.set_tag(change.model, change.version, key, before[key])
        else:
            registry.delete_tag(change.model, change.version, key)
