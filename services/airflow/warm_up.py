"""The first request to the api-server's task API builds every version of that API.

It takes two to seven seconds of a processor. Better while everything else is starting than when the first
task is waiting; and in a thread, so that the server answers everybody else meanwhile.
"""

import asyncio
import gc
import threading
import time
from typing import Any

import httpx

GIVE_UP_SECONDS = 300


def warm_up(execution_api: str) -> None:
    """Make that request from a thread of the server's own, as soon as the server listens.

    When it is answered, all is loaded: from then on the server collects its garbage.
    """
    _build_in_a_thread()
    threading.Thread(target=_finish, args=(f"{execution_api}health",), daemon=True).start()


def _build_in_a_thread() -> None:
    from cadwyn import Cadwyn

    answer = Cadwyn.__call__
    building = asyncio.Lock()

    async def build_then_answer(self: Any, scope: Any, receive: Any, send: Any) -> None:
        async with building:
            if not self._cadwyn_initialized:
                await asyncio.to_thread(self._cadwyn_initialize)
        await answer(self, scope, receive, send)

    Cadwyn.__call__ = build_then_answer  # type: ignore[method-assign]


def _finish(url: str) -> None:
    try:
        _request(url)
    finally:
        gc.freeze()
        gc.enable()


def _request(url: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=60)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
