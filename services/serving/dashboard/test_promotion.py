import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.serving.dashboard import promotion
from services.serving.dashboard.connection import Away, Forbidden, Problem
from services.serving.dashboard.registry import Registry
from tests.mlflow_server import MlflowServer

AUDIT = ("promoted_by", "promoted_at", "promotion")


@dataclass
class Shelf:
    """A registered model with four versions, of which none is champion, and who may change it."""

    name: str
    owner: Registry
    reader: Registry

    def aliases(self) -> tuple[str | None, str | None]:
        found = self.owner.model(self.name).aliases
        return found.get("champion"), found.get("previous")

    def audit(self, version: str) -> dict[str, str]:
        tags = self.owner.version(self.name, version).tags
        return {key: tags[key] for key in AUDIT if key in tags}

    def promote(self, version: str, registry: Registry | None = None) -> None:
        change = promotion.promotion(self.owner.model(self.name), version)
        promotion.carry_out(registry or self.owner, change, "ana")


@pytest.fixture
def shelf(mlflow_server: MlflowServer) -> Iterator[Shelf]:
    owner = Registry(mlflow_server.url, mlflow_server.admin_username, mlflow_server.admin_password)
    reader = Registry(mlflow_server.url, "dashboard", mlflow_server.dashboard_password)
    name = f"shelf-{os.urandom(4).hex()}"
    with httpx.Client(
        base_url=f"{mlflow_server.url}/api/2.0/mlflow",
        auth=(mlflow_server.admin_username, mlflow_server.admin_password),
    ) as admin:
        admin.post("/registered-models/create", json={"name": name}).raise_for_status()
        for _ in range(4):
            wanted = {"name": name, "source": "s3://models/any"}
            admin.post("/model-versions/create", json=wanted).raise_for_status()
        yield Shelf(name, owner, reader)


def test_the_first_promotion_makes_a_champion_and_no_previous(shelf: Shelf) -> None:
    shelf.promote("1")
    assert shelf.aliases() == ("1", None)


def test_the_old_champion_becomes_previous_and_the_audit_is_on_the_version(shelf: Shelf) -> None:
    shelf.promote("1")
    shelf.promote("2")
    assert shelf.aliases() == ("2", "1")
    audit = shelf.audit("2")
    assert audit["promoted_by"] == "ana"
    assert audit["promotion"] == "dashboard"
    assert audit["promoted_at"].endswith("+00:00")


def test_rolling_back_swaps_champion_and_previous(shelf: Shelf) -> None:
    shelf.promote("1")
    shelf.promote("2")
    back = promotion.rollback(shelf.owner.model(shelf.name))
    assert back is not None
    promotion.carry_out(shelf.owner, back, "bia")
    assert shelf.aliases() == ("1", "2")
    assert shelf.audit("1")["promoted_by"] == "bia"


def test_without_previous_there_is_nothing_to_roll_back(shelf: Shelf) -> None:
    shelf.promote("1")
    assert promotion.rollback(shelf.owner.model(shelf.name)) is None


def test_a_user_who_may_only_read_changes_nothing(shelf: Shelf) -> None:
    shelf.promote("1")
    with pytest.raises(Forbidden):
        shelf.promote("2", shelf.reader)
    assert shelf.aliases() == ("1", None)
    assert shelf.audit("2") == {}


def test_a_change_that_somebody_overtook_is_refused(shelf: Shelf) -> None:
    shelf.promote("1")
    stale = promotion.promotion(shelf.owner.model(shelf.name), "2")
    shelf.promote("3")
    with pytest.raises(Problem, match=r"promotion\.overtaken"):
        promotion.carry_out(shelf.owner, stale, "ana")
    assert shelf.aliases() == ("3", "1")


class Cut:
    """A registry whose connection fails at the given write, before or after MLflow has done it."""

    def __init__(self, registry: Registry, write: int, *, done: bool, forever: bool = False) -> None:
        self._registry = registry
        self._write = write
        self._done = done
        self._forever = forever
        self._count = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._registry, name)
        if not name.startswith(("set_", "delete_")):
            return found

        def write(*arguments: str) -> None:
            self._count += 1
            failing = self._count >= self._write if self._forever else self._count == self._write
            if not failing or self._done:
                found(*arguments)
            if failing:
                raise Away("problem.away", service="mlflow", url="")

        return write


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_a_failure_before_the_last_write_is_put_back(shelf: Shelf, write: int, done: bool) -> None:
    for version in ("1", "2", "3"):
        shelf.promote(version)
    before = shelf.aliases(), shelf.audit("1")
    with pytest.raises(Away):
        shelf.promote("1", Cut(shelf.owner, write, done=done))  # type: ignore[arg-type]
    assert (shelf.aliases(), shelf.audit("1")) == before


def test_a_first_promotion_that_fails_leaves_no_tag(shelf: Shelf) -> None:
    shelf.promote("1")
    with pytest.raises(Away):
        shelf.promote("2", Cut(shelf.owner, 5, done=False))  # type: ignore[arg-type]
    assert shelf.aliases() == ("1", None)
    assert shelf.audit("2") == {}


def test_a_lost_answer_to_the_last_write_is_success(shelf: Shelf) -> None:
    shelf.promote("1")
    shelf.promote("2", Cut(shelf.owner, 5, done=True))  # type: ignore[arg-type]
    assert shelf.aliases() == ("2", "1")


def test_what_cannot_be_put_back_is_said(shelf: Shelf) -> None:
    for version in ("1", "2"):
        shelf.promote(version)
    with pytest.raises(Problem, match=r"promotion\.half_done"):
        shelf.promote("3", Cut(shelf.owner, 2, done=False, forever=True))  # type: ignore[arg-type]
    assert shelf.aliases()[0] == "2"
