"""Requests for one model, answered together: most of a small prediction's time is the call itself."""

import asyncio
from collections import deque
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.serving.model_server.answers import Question, answers

if TYPE_CHECKING:
    from services.serving.model_server.model import Model

Waiting = tuple[Question, "asyncio.Future[bytes]"]

_MOST_BYTES = 64 * 1024
"""Bodies of a batch together; a larger one is a batch of its own, so that small ones need not wait for it."""


@dataclass
class _Line:
    """Who waits for a model, and how many batches of it are being computed."""

    waiting: deque[Waiting] = field(default_factory=deque)
    under_way: int = 0


class Batches:
    """Nobody is made to wait for company: a batch is what came while all threads were busy."""

    def __init__(self, pool: Executor, threads: int) -> None:
        self._pool, self._threads = pool, threads
        self._lines: dict[int, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, model: "Model", question: Question) -> bytes:
        """The answer's body; RefusedError, BrokenError."""
        line = self._lines.setdefault(id(model), _Line())
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        line.waiting.append((question, answered))
        if line.under_way < self._threads:
            line.under_way += 1
            task = asyncio.create_task(self._work(model, line))
            self._tasks.add(task)  # a task that nothing refers to may vanish
            task.add_done_callback(self._tasks.discard)
        return await answered

    async def _work(self, model: "Model", line: _Line) -> None:
        loop = asyncio.get_running_loop()
        while batch := _next(line):
            questions = [question for question, _ in batch]
            try:
                outcomes: list[bytes | Exception] = await loop.run_in_executor(
                    self._pool, answers, model, questions
                )
            except Exception as error:
                outcomes = [error] * len(batch)
            for (_, answered), outcome in zip(batch, outcomes, strict=True):
                if answered.done():
                    continue
                if isinstance(outcome, Exception):
                    answered.set_exception(outcome)
                else:
                    answered.set_result(outcome)
        line.under_way -= 1
        if not line.under_way:
            self._lines.pop(id(model), None)


def _next(line: _Line) -> list[Waiting]:
    batch: list[Waiting] = []
    size = 0
    while line.waiting and (not batch or size + len(line.waiting[0][0].body) <= _MOST_BYTES):
        batch.append(line.waiting.popleft())
        size += len(batch[-1][0].body)
    return batch
