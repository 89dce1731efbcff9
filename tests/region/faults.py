"""Faults on demand: the next requests of an operation fail as they sometimes do on OCI."""

from collections import defaultdict

from starlette.types import Message, Send

from tests.region.errors import ServiceError


class Faults:
    """Errors and broken connections waiting to happen, by operation."""

    def __init__(self) -> None:
        self._errors: dict[str, list[ServiceError]] = defaultdict(list)
        self._cuts: dict[str, list[int]] = defaultdict(list)

    def add(self, operation: str, status: int, code: str, times: int = 1, message: str | None = None) -> None:
        """Let the next `times` requests of the operation fail with this status and code."""
        said = message or f"{operation} was told to fail."
        self._errors[operation] += [ServiceError(status, code, said) for _ in range(times)]

    def out_of_capacity(self, times: int = 1) -> None:
        """Let the next launches fail for want of room."""
        self.add("LaunchInstance", 500, "InternalError", times, "Out of host capacity.")

    def cut(self, operation: str, after: int, times: int = 1) -> None:
        """Let the next `times` responses of the operation break off after so many bytes."""
        self._cuts[operation] += [after] * times

    def strike(self, operation: str) -> None:
        """Raise the next error of the operation, if one waits."""
        if self._errors[operation]:
            raise self._errors[operation].pop(0)

    def cutting(self, operation: str, send: Send) -> Send:
        """The way to send the operation's response: as it is, or one that breaks off."""
        if not self._cuts[operation]:
            return send
        left = self._cuts[operation].pop(0)

        async def until_cut(message: Message) -> None:
            nonlocal left
            left -= len(message.get("body", b""))
            if left < 0:
                raise ConnectionAbortedError(f"{operation} was told to break off.")
            await send(message)

        return until_cut

    def clear(self) -> None:
        self._errors.clear()
        self._cuts.clear()
