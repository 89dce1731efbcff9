import logging

import pytest

from services.boot import patience
from services.boot.failure import Failure
from services.boot.patience import NotYet, patiently


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.01)


def test_what_comes_late_is_waited_for_and_the_wait_is_told(caplog: pytest.LogCaptureFixture) -> None:
    reasons = iter(["it is made", "it starts"])

    def attempt() -> str:
        for reason in reasons:
            raise NotYet(reason)
        return "there"

    with caplog.at_level(logging.INFO):
        assert patiently("the thing", attempt, seconds=60, remedy="wait") == "there"
    assert [record.getMessage() for record in caplog.records] == [
        "Waiting for the thing, 60 s more at most: it is made",
        "Waiting for the thing, 60 s more at most: it starts",
    ]


def test_the_wait_is_bounded_and_backs_off() -> None:
    attempts: list[None] = []

    def attempt() -> None:
        attempts.append(None)
        raise NotYet("never")

    with pytest.raises(Failure, match=r"the thing: not there after 0 s \(never\). Remedy: look"):
        patiently("the thing", attempt, seconds=0.3, remedy="look")
    assert 4 <= len(attempts) <= 8


def test_what_cannot_pass_is_not_waited_for() -> None:
    def attempt() -> None:
        raise Failure("wrong for ever")

    with pytest.raises(Failure, match="wrong for ever"):
        patiently("the thing", attempt, seconds=60, remedy="look")
