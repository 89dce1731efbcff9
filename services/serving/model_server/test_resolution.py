import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.serving.model_server.errors import AwayError, UnknownError
from services.serving.model_server.resolution import Resolutions
from services.serving.model_server.versions import Version

SECONDS = 0.4


class Registry:
    """Answers what it is told to, and counts."""

    def __init__(self) -> None:
        self.answer: str | Exception = "1"
        self.asked = 0
        self.prepared: list[str] = []

    async def ask(self, name: str, reference: str) -> Version:
        self.asked += 1
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Version(name, self.answer, "")

    async def prepare(self, version: Version) -> None:
        self.prepared.append(version.number)


def run(scene: Callable[[Registry, Resolutions], Awaitable[None]]) -> None:
    async def play() -> None:
        registry = Registry()
        await scene(registry, Resolutions(registry.ask, registry.prepare, SECONDS))

    asyncio.run(play())


def test_an_answer_is_believed_and_then_asked_for_again() -> None:
    async def scene(registry: Registry, resolutions: Resolutions) -> None:
        for _ in range(5):
            assert (await resolutions.of("m", "champion")).version.number == "1"
        assert registry.asked == 1
        registry.answer = "2"
        await asyncio.sleep(SECONDS)
        assert (await resolutions.of("m", "champion")).version.number == "2"
        assert registry.prepared == ["2"]

    run(scene)


def test_past_half_its_time_an_answer_is_renewed_while_it_is_given() -> None:
    async def scene(registry: Registry, resolutions: Resolutions) -> None:
        await resolutions.of("m", "champion")
        registry.answer = "2"
        await asyncio.sleep(SECONDS * 0.6)
        assert (await resolutions.of("m", "champion")).version.number == "1"
        await asyncio.sleep(0.05)
        assert (await resolutions.of("m", "champion")).version.number == "2"

    run(scene)


def test_many_who_ask_at_once_are_one_question() -> None:
    async def scene(registry: Registry, resolutions: Resolutions) -> None:
        await asyncio.gather(*(resolutions.of("m", "champion") for _ in range(50)))
        assert registry.asked == 1

    run(scene)


def test_anew_asks_at_once() -> None:
    async def scene(registry: Registry, resolutions: Resolutions) -> None:
        await resolutions.of("m", "champion")
        registry.answer = "2"
        assert (await resolutions.of("m", "champion", anew=True)).version.number == "2"
        assert (await resolutions.of("m", "champion")).version.number == "2"

    run(scene)


def test_the_last_answer_stays_while_the_registry_is_away_and_says_so() -> None:
    async def scene(registry: Registry, resolutions: Resolutions) -> None:
        await resolutions.of("m", "champion")
        registry.answer = AwayError("away")
        await asyncio.sleep(SECONDS)
        found = await resolutions.of("m", "champion")
        assert (found.version.number, found.away) == ("1", True)
        with pytest.raises(AwayError):
            await resolutions.of("m", "champion", anew=True)
        with pytest.raises(AwayError):
            await resolutions.of("m", "other")
        registry.answer = "1"
        await asyncio.sleep(SECONDS)
        assert not (await resolutions.of("m", "champion")).away

    run(scene)


def test_what_the_registry_no_longer_knows_is_forgotten() -> None:
    async def scene(registry: Registry, resolutions: Resolutions) -> None:
        await resolutions.of("m", "champion")
        registry.answer = UnknownError("gone")
        await asyncio.sleep(SECONDS)
        with pytest.raises(UnknownError):
            await resolutions.of("m", "champion")
        registry.answer = AwayError("away")
        with pytest.raises(AwayError):
            await resolutions.of("m", "champion")

    run(scene)
