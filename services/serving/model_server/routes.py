"""The routes. Handlers only wait: models, the registry and JSON are for the store's threads."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from services.serving.model_server import VERSION, documents
from services.serving.model_server.answers import OneRow, Question, Rows, dumped, schema
from services.serving.model_server.intake import Intake
from services.serving.model_server.settings import ModelServerSettings
from services.serving.model_server.store import ModelStore

CHAMPION = "champion"

_STALE = {"Warning": '110 model-server "the registry is away: this is the last known version"'}
_MEANINGS = {
    401: "no valid API key",
    404: "no such model, version, alias or stage",
    413: "a body beyond the bound",
    422: "data that do not fit the model",
    502: "the model cannot be loaded, or fails",
    503: "the registry is away, or too many requests wait; Retry-After says when to try again",
}
_ROWS = documents.Rows.model_json_schema()
_ONE_ROW = {
    "type": "object",
    "description": "a value for every input of the default model",
    "example": {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2},
}


def open_routes(store: ModelStore) -> APIRouter:
    """What anyone may ask."""
    router = APIRouter(tags=["health"])

    @router.get("/")
    async def service() -> documents.Service:
        """Which service this is."""
        return documents.Service(version=VERSION)

    @router.get("/healthz")
    async def health() -> documents.Status:
        """Whether the process is up."""
        return documents.Status()

    @router.get("/readyz", responses=_documented(503))
    async def readiness() -> documents.Readiness:
        """Whether the registry can be read."""
        await store.ask(lambda registry: registry.check())
        return documents.Readiness()

    return router


def model_routes(store: ModelStore, settings: ModelServerSettings) -> APIRouter:
    """What takes a key, where keys are set."""
    router = APIRouter(tags=["models"], responses=_documented(401, 503))
    intake = Intake(settings.queue, settings.max_body_bytes)

    @router.get("/models", response_model=documents.Models)
    async def models() -> Response:
        """Every registered model."""
        return _json(await store.ask(lambda registry: dumped({"models": registry.models()})))

    @router.get("/models/{name}/versions", response_model=documents.Versions, responses=_documented(404))
    async def versions(name: str) -> Response:
        """A model's versions, newest first."""
        return _json(
            await store.ask(lambda registry: dumped({"name": name, "versions": registry.versions(name)}))
        )

    @router.get(
        "/models/{name}/versions/{reference}/schema",
        response_model=documents.Schema,
        responses=_documented(404, 502),
    )
    async def model_schema(request: Request, name: str, reference: str) -> Response:
        """A version's inputs and classes; `reference` is a number, an alias or a stage."""
        found = await store.find(name, reference, anew=_anew(request))
        return _json(schema(found.model), found.away)

    async def answer(
        request: Request, name: str, reference: str, ask: Callable[[bytes], Question]
    ) -> Response:
        with intake.place():
            question = ask(await intake.body(request))
            found = await store.find(name, reference, anew=_anew(request))
            return _json(await store.answer(found.model, question), found.away)

    @router.post("/predict", response_model=documents.Prediction, **_predicting(_ONE_ROW))
    async def predict_default(request: Request) -> Response:
        """Predict one row, given by names, with the default model's champion."""
        return await answer(request, settings.default_model, CHAMPION, OneRow)

    @router.post("/predict/{name}", response_model=documents.Predictions, **_predicting(_ROWS))
    async def predict_champion(request: Request, name: str) -> Response:
        """Predict rows with a model's champion."""
        return await answer(request, name, CHAMPION, partial(Rows, reference=CHAMPION))

    @router.post("/predict/{name}/{reference}", response_model=documents.Predictions, **_predicting(_ROWS))
    async def predict(request: Request, name: str, reference: str) -> Response:
        """Predict rows; `reference` is a version's number, an alias or a stage.

        With `Cache-Control: no-cache` the registry is asked what an alias means now.
        """
        return await answer(request, name, reference, partial(Rows, reference=reference))

    @router.delete("/cache")
    async def clear_cache() -> documents.Cleared:
        """Forget every loaded model and what every alias means."""
        return documents.Cleared(cleared=store.clear())

    return router


def _documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {
            "model": documents.Problems if status == 422 else documents.Sentence,
            "description": _MEANINGS[status],
        }
        for status in statuses
    }


def _predicting(body: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": body}}
    return {
        "responses": _documented(404, 413, 422, 502),
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
    }


def _anew(request: Request) -> bool:
    return "no-cache" in request.headers.get("cache-control", "").lower()


def _json(content: bytes, away: bool = False) -> Response:
    return Response(content, media_type="application/json", headers=_STALE if away else None)
