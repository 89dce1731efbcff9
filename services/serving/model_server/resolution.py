"""What references mean, believed for a while: moved aliases are followed without a restart."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.serving.model_server.errors import AwayError
from services.serving.model_server.versions import Version

logger = logging.getLogger(__name__)

Key = tuple[str, str]

_MOST_KNOWN = 4096


@dataclass(frozen=True)
class Resolution:
    """What a model's reference meant when it was last asked; `away` says that the registry is not there."""

    version: Version
    asked: float
    away: bool = False


class Resolutions:
    """The registry's answers, none older than `seconds` unless the registry is away.

    An answer past half its time is asked for again while it is still given, so that in steady use no
    request waits for the registry. `prepare` is awaited before a new version is given in place of an
    old one. All of it runs on one event loop.
    """

    def __init__(
        self,
        ask: Callable[[str, str], Awaitable[Version]],
        prepare: Callable[[Version], Awaitable[None]],
        seconds: float,
    ) -> None:
        self._ask, self._prepare, self._seconds = ask, prepare, seconds
        self._known: OrderedDict[Key, Resolution] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[Resolution]] = {}

    async def of(self, name: str, reference: str, *, anew: bool = False) -> Resolution:
        """The version a reference means; with `anew` as the registry says it now.

        Raises UnknownError, and AwayError when the registry is away and nothing is known or `anew` is asked.
        """
        key = (name, reference)
        if anew:
            return await self._resolve(key)
        known = self._known.get(key)
        age = time.monotonic() - known.asked if known else self._seconds
        if known and age < self._seconds / 2:
            return known
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._resolve(key))
            task.add_done_callback(lambda done: self._answered(key, done))
        if known and age < self._seconds:
            return known
        try:
            return await asyncio.shield(task)
        except AwayError:
            if known:
                return self._known.get(key, known)
            raise

    def clear(self) -> None:
        self._known.clear()

    async def _resolve(self, key: Key) -> Resolution:
        asked = time.monotonic()
        known = self._known.get(key)
        try:
            version = await self._ask(*key)
        except AwayError:
            if known:
                self._keep(key, Resolution(known.version, asked, away=True))
                if not known.away:
                    logger.warning("the registry is away: '%s' '%s' stays %s", *key, known.version)
            raise
        except Exception:
            self._known.pop(key, None)
            raise
        if known and known.version != version:
            await self._prepare(version)
            logger.info("'%s' '%s' is now %s", *key, version)
        return self._keep(key, Resolution(version, asked))

    def _keep(self, key: Key, found: Resolution) -> Resolution:
        known = self._known.get(key)
        if known is None or known.asked <= found.asked:  # an answer that was overtaken changes nothing
            self._known[key] = found
            self._known.move_to_end(key)
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return found

    def _answered(self, key: Key, task: "asyncio.Task[Resolution]") -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody has to
