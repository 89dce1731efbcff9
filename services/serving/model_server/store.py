"""Models by name and reference: the registry, loading and predicting, each kept off the event loop."""

import asyncio
import importlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from services.serving.model_server.answers import Question
from services.serving.model_server.batches import Batches
from services.serving.model_server.cache import ModelCache
from services.serving.model_server.errors import AwayError, BrokenError, UnknownError
from services.serving.model_server.resolution import Resolutions
from services.serving.model_server.settings import ModelServerSettings
from services.serving.model_server.versions import Version

if TYPE_CHECKING:
    from services.serving.model_server.model import Model
    from services.serving.model_server.registry import Registry

T = TypeVar("T")

_PATIENCE_SECONDS = 3
"""How long a request waits for the registry before it is told so."""

_ENGINE = "services.serving.model_server.loading"

_CLIENT_ENVIRONMENT = {
    # One retry, at once, mends a kept-alive connection that the server has just closed. MLflow's own
    # defaults (7 retries, 120 s each) would let a client wait for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@dataclass(frozen=True)
class Found:
    """A model that a reference means; `away` says that this could not be verified now."""

    model: "Model"
    away: bool


class ModelStore:
    """Everything behind the routes. Three bounded pools of threads, so that neither a slow registry nor
    a long download keeps a loaded model from predicting."""

    def __init__(self, settings: ModelServerSettings) -> None:
        self._settings = settings
        self._questions = ThreadPoolExecutor(4, "registry")
        self._loads = ThreadPoolExecutor(2, "load")
        self._predictions = ThreadPoolExecutor(settings.threads, "predict")
        self._batches = Batches(self._predictions, settings.threads)
        self._models = ModelCache(self._load, settings.cache_models, settings.refresh_seconds)
        self._resolutions = Resolutions(self._resolve, self._prepare, settings.refresh_seconds)
        self._opening: asyncio.Task[Registry] | None = None

    async def warm(self) -> None:
        """Import MLflow and load the default model, so that the first request finds both."""
        try:
            await self._registry()
            await self.find(self._settings.default_model, "champion")
        except (UnknownError, AwayError, BrokenError):
            return

    async def find(self, name: str, reference: str, *, anew: bool = False) -> Found:
        """The model that a reference means; UnknownError, AwayError or BrokenError."""
        resolution = await self._resolutions.of(name, reference, anew=anew)
        return Found(await self._models.get(resolution.version), resolution.away)

    async def ask(self, question: "Callable[[Registry], T]") -> T:
        """The registry's answer; AwayError when it takes too long, be it that MLflow is being imported."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                registry = await self._registry()
        except TimeoutError:
            raise AwayError("the model server is still starting") from None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._questions, question, registry)
        except TimeoutError:
            raise AwayError(f"the model registry has not answered for {_PATIENCE_SECONDS} seconds") from None

    async def answer(self, model: "Model", question: Question) -> bytes:
        """The body of the answer; RefusedError, BrokenError."""
        return await self._batches.answer(model, question)

    def clear(self) -> int:
        """Forget every model and what every reference means; how many models there were."""
        self._resolutions.clear()
        return self._models.clear()

    def close(self) -> None:
        """Let go of every model and its files, and of what has not begun."""
        self.clear()
        for pool in (self._questions, self._loads, self._predictions):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _registry(self) -> "Registry":
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> "Registry":
        def import_engine() -> "Registry":
            # Before MLflow is imported: it looks at once whether it may report on its use.
            os.environ.update(_CLIENT_ENVIRONMENT | os.environ)
            from services.serving.model_server.registry import Registry

            importlib.import_module(_ENGINE)
            return Registry(self._settings)

        return await asyncio.get_running_loop().run_in_executor(self._loads, import_engine)

    async def _resolve(self, name: str, reference: str) -> Version:
        return await self.ask(lambda registry: registry.resolve(name, reference))

    async def _load(self, version: Version) -> "Model":
        from services.serving.model_server.loading import load

        registry = await self._registry()
        return await asyncio.get_running_loop().run_in_executor(self._loads, load, registry, version)

    async def _prepare(self, version: Version) -> None:
        try:
            await self._models.get(version)
        except (UnknownError, AwayError, BrokenError):
            return  # whoever asks for it is told
