"""How much is taken in: the size of a body, and the number of requests under way."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from services.serving.model_server.errors import BusyError, TooLargeError


class Intake:
    """Bounds on memory: at most `most_requests` bodies of at most `most_bytes` are held at once."""

    def __init__(self, most_requests: int, most_bytes: int) -> None:
        self._most_requests, self._most_bytes = most_requests, most_bytes
        self._under_way = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A request's place, for as long as it takes; BusyError when there is none."""
        if self._under_way >= self._most_requests:
            raise BusyError(f"{self._under_way} predictions are under way or waiting; try again soon")
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def body(self, request: Request) -> bytes:
        """The request's body; TooLargeError before more than the bound is held."""
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > self._most_bytes:
            raise self._too_large()
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > self._most_bytes:
                raise self._too_large()
            chunks.append(chunk)
        return b"".join(chunks)

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"the body is larger than {self._most_bytes} bytes; send fewer rows at once")
