"""From a registered version to the champion, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypedDict

from mlflow.tracking import MlflowClient

from steps.dataset import Dataset
from steps.evaluation import Comparison, compare
from steps.gate import objection
from steps.registry import CHAMPION, PREVIOUS, aliases, point
from steps.tracking import load_table


class Promotion(TypedDict):
    """What a promotion changed, and so what restoring puts back: versions, None where no alias was."""

    version: str
    replaced: str | None
    previous_before: str | None


def late_objection(dataset: Dataset, run: str, model_uri: str, judged: Comparison) -> str | None:
    """Why the model may not be promoted any more: another one became champion since, and is better."""
    if aliases(dataset.model).get(CHAMPION) == judged["champion_version"]:
        return None
    return objection(compare(dataset, load_table(dataset, run), model_uri), dataset.floor)


def promote(dataset: Dataset, version: str, tags: Mapping[str, str]) -> Promotion:
    """Make the version champion and the one it replaces previous; the tags and the time go on it."""
    client = MlflowClient()
    for key, value in {**tags, "promoted_at": datetime.now(UTC).isoformat(timespec="seconds")}.items():
        client.set_model_version_tag(dataset.model, version, key, value)
    current = aliases(dataset.model)
    replaced, before = current.get(CHAMPION), current.get(PREVIOUS)
    if replaced == version:  # a step tried again after it had moved the alias
        return Promotion(version=version, replaced=before, previous_before=None)
    point(dataset.model, PREVIOUS, replaced)
    point(dataset.model, CHAMPION, version)
    return Promotion(version=version, replaced=replaced, previous_before=before)


def restore(dataset: Dataset, promotion: Promotion) -> str:
    """Undo what is still there of the promotion and tell what was done.

    Somebody may have promoted another version since: then theirs stays champion, and only
    `previous` is kept from pointing at the version that failed.
    """
    version, replaced = promotion["version"], promotion["replaced"]
    current = aliases(dataset.model)
    if current.get(CHAMPION) == version:
        point(dataset.model, CHAMPION, replaced)
        point(dataset.model, PREVIOUS, promotion["previous_before"])
        return f"champion is version {replaced} again" if replaced else "there is no champion, as before"
    if current.get(PREVIOUS) == version:
        point(dataset.model, PREVIOUS, replaced)
    return "another version has become champion since and stays so"
