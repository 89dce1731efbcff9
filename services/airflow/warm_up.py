"""The first request to the api-server's task API builds every version of that API.

It takes seven seconds of a processor, in which the server answers nobody. Better while everything
else is starting than when the first task is waiting.
"""

import threading
import time

import httpx

GIVE_UP_SECONDS = 300


def warm_up(execution_api: str) -> None:
    """Make that request from a thread of the server's own, as soon as the server listens."""
    threading.Thread(target=_request, args=(f"{execution_api}health",), daemon=True).start()


def _request(url: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=60)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
