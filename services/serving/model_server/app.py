"""The application: who may ask, and how what goes wrong is told."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Response, Security
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.requests import ClientDisconnect

from services.serving.model_server import VERSION
from services.serving.model_server.errors import (
    AwayError,
    BrokenError,
    BusyError,
    RefusedError,
    TooLargeError,
    UnknownError,
)
from services.serving.model_server.keys import ApiKeys
from services.serving.model_server.routes import model_routes, open_routes
from services.serving.model_server.settings import ModelServerSettings
from services.serving.model_server.store import ModelStore

_STATUSES: Mapping[type[Exception], tuple[int, Mapping[str, str]]] = {
    UnknownError: (404, {}),
    TooLargeError: (413, {}),
    BrokenError: (502, {}),
    AwayError: (503, {"Retry-After": "2"}),
    BusyError: (503, {"Retry-After": "1"}),
    ClientDisconnect: (400, {}),
}


def create_app(settings: ModelServerSettings) -> FastAPI:
    """The application with its store, whose threads end when the application does."""
    store = ModelStore(settings)
    keys = ApiKeys({name: key.get_secret_value() for name, key in settings.api_keys.items()})

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(store.warm())
        yield
        warming.cancel()
        store.close()

    async def authorised(
        key: Annotated[str | None, Security(APIKeyHeader(name="X-API-Key", auto_error=False))],
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(HTTPBearer(auto_error=False))],
    ) -> None:
        given = key or (bearer.credentials if bearer else None)
        if keys.are_required and keys.name_of(given) is None:
            sentence = "a valid API key is required, as X-API-Key or as Authorization: Bearer"
            raise HTTPException(401, sentence, {"WWW-Authenticate": "Bearer"})

    # Its /docs brings its own script and style: FastAPI's loads them from a public server.
    app = FastAPIOffline(title="Model server", version=VERSION, lifespan=lifespan, redoc_url=None)
    app.add_exception_handler(RefusedError, _refused)
    for kind in _STATUSES:
        app.add_exception_handler(kind, _sentence)
    app.include_router(open_routes(store))
    app.include_router(model_routes(store, settings), dependencies=[Depends(authorised)])
    return app


async def _sentence(_: Request, error: Exception) -> Response:
    status, headers = _STATUSES[type(error)]
    return JSONResponse({"detail": str(error)}, status, headers)


async def _refused(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": error.problems if isinstance(error, RefusedError) else []}, 422)
