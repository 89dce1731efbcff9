"""Why there is no answer. Every text is a sentence for the client.

These need no MLflow, whose import takes seconds, so that the server listens before it is there.
"""

from typing import TypedDict


class UnknownError(Exception):
    """The registry has no such model or version."""


class AwayError(Exception):
    """The registry cannot be reached or read now."""


class BrokenError(Exception):
    """A version cannot be loaded, or failed where the data are not to blame."""


class BusyError(Exception):
    """More requests are waiting than may."""


class TooLargeError(Exception):
    """A body is larger than it may be."""


class Problem(TypedDict):
    """One thing that is wrong with the data, in the shape of FastAPI's own validation errors."""

    loc: list[str | int]
    msg: str
    type: str


class RefusedError(Exception):
    """The data do not fit the model."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0]["msg"])
        self.problems = problems


def first_line(error: BaseException) -> str:
    """An exception in one line, so that a sentence can end with it."""
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line[:300]}" if line else type(error).__name__
