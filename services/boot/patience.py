"""Waiting for what is not there yet: bounded, backing off, and saying each time what for."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from services.boot.failure import Failure

log = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
"""Seconds. Short enough that a database which took ten minutes is noticed as soon as it is there."""


class NotYet(Exception):
    """An attempt that failed for a reason that may pass."""


def patiently(what: str, attempt: Callable[[], T], *, seconds: float, remedy: str) -> T:
    """The result of the first attempt that does not raise NotYet.

    Raises:
        Failure: when attempts of `seconds` were in vain, with the last reason and the remedy.
    """
    deadline = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while True:
        try:
            return attempt()
        except NotYet as reason:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failure(
                    f"{what}: not there after {_duration(seconds)} ({reason}). Remedy: {remedy}."
                ) from None
            log.info("Waiting for %s, %s more at most: %s", what, _duration(left), reason)
        time.sleep(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
