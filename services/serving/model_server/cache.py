"""Loaded models, the last used ones kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from services.serving.model_server.errors import AwayError
from services.serving.model_server.versions import Version

if TYPE_CHECKING:
    from services.serving.model_server.model import Model


class ModelCache:
    """Up to `size` models; each is loaded once, however many requests wait for it.

    A version that cannot be loaded is remembered for `retry_seconds`, so that asking again and again
    does not download it again and again. All of it runs on one event loop.
    """

    def __init__(
        self, load: Callable[[Version], "Awaitable[Model]"], size: int, retry_seconds: float
    ) -> None:
        self._load, self._size, self._retry_seconds = load, size, retry_seconds
        self._loads: OrderedDict[Version, asyncio.Future[Model]] = OrderedDict()

    async def get(self, version: Version) -> "Model":
        """The model, loaded if need be; raises what loading raised."""
        task = self._loads.get(version)
        if task is None:
            task = self._loads[version] = asyncio.ensure_future(self._load(version))
            task.add_done_callback(partial(self._loaded, version))
            if len(self._loads) > self._size:
                self._loads.popitem(last=False)
        elif task.done() and not task.exception():
            self._loads.move_to_end(version)
            return task.result()
        return await asyncio.shield(task)

    def clear(self) -> int:
        """Forget every model; how many there were in memory."""
        loaded = sum(task.done() and not task.exception() for task in self._loads.values())
        self._loads.clear()
        return loaded

    def _loaded(self, version: Version, task: "asyncio.Future[Model]") -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        wait = 0 if isinstance(error, AwayError) else self._retry_seconds
        asyncio.get_running_loop().call_later(wait, self._forget, version, task)

    def _forget(self, version: Version, task: "asyncio.Future[Model]") -> None:
        if self._loads.get(version) is task:
            del self._loads[version]
