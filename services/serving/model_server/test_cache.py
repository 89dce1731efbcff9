import asyncio
from typing import Any

import pytest

from services.serving.model_server.cache import ModelCache
from services.serving.model_server.errors import AwayError, BrokenError
from services.serving.model_server.versions import Version


class Loader:
    def __init__(self) -> None:
        self.loads: list[str] = []
        self.fails: Exception | None = None

    async def __call__(self, version: Version) -> Any:
        self.loads.append(version.number)
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails
        return f"model {version.number}"


def version(number: int) -> Version:
    return Version("m", str(number), "")


def test_a_model_is_loaded_once_for_all_who_wait() -> None:
    async def scene() -> None:
        cache = ModelCache(loader := Loader(), 2, 1)
        found: list[object] = await asyncio.gather(*(cache.get(version(1)) for _ in range(20)))
        assert (set(found), loader.loads) == ({"model 1"}, ["1"])

    asyncio.run(scene())


def test_the_longest_unused_goes_first() -> None:
    async def scene() -> None:
        cache = ModelCache(loader := Loader(), 2, 1)
        for number in (1, 2, 1, 3, 1, 2):
            await cache.get(version(number))
        assert loader.loads == ["1", "2", "3", "2"]
        assert cache.clear() == 2

    asyncio.run(scene())


def test_a_failure_is_remembered_for_a_while_and_a_registry_that_is_away_is_not() -> None:
    async def scene() -> None:
        cache = ModelCache(loader := Loader(), 2, 0.2)
        loader.fails = BrokenError("corrupt")
        for _ in range(3):
            with pytest.raises(BrokenError):
                await cache.get(version(1))
        assert loader.loads == ["1"]
        assert cache.clear() == 0
        loader.fails = AwayError("away")
        with pytest.raises(AwayError):
            await cache.get(version(2))
        loader.fails = None
        await asyncio.sleep(0.05)
        found: object = await cache.get(version(2))
        assert found == "model 2"

    asyncio.run(scene())


def test_one_who_leaves_does_not_take_the_load_from_the_others() -> None:
    async def scene() -> None:
        cache = ModelCache(loader := Loader(), 2, 1)
        first = asyncio.create_task(cache.get(version(1)))
        second = asyncio.create_task(cache.get(version(1)))
        await asyncio.sleep(0)
        first.cancel()
        found: object = await second
        assert found == "model 1"
        assert loader.loads == ["1"]

    asyncio.run(scene())
