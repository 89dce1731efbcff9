"""Dispatch: from a request to the operation it asks for, authenticated, checked and authorized."""

import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.region import catalogue, signatures
from tests.region.errors import ServiceError, not_found, not_implemented
from tests.region.faults import Faults
from tests.region.identity import Identity, Principal
from tests.region.policies import Policies, Verb

_STREAMED = ("PutObject", "UploadPart")
"""Operations whose body is a stream: neither signed nor JSON."""


@dataclass(frozen=True)
class Call:
    """One authenticated request, as a handler sees it; `body` is the checked JSON of the request."""

    request: Request
    principal: Principal
    policies: Policies
    path: Mapping[str, str]
    body: Any = None

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    def authorize(self, verb: Verb, resource: str, target: str) -> None:
        """Stop here unless a policy allows it.

        Raises:
            ServiceError: 404, as OCI has it.
        """
        if not self.policies.permit(self.principal.id, verb, resource, target):
            raise not_found()


Handler = Callable[[Call], Awaitable[Response]]


class Service(Protocol):
    """A service: the SDK client that speaks to it, and a handler for each operation it implements."""

    client: type

    @property
    def operations(self) -> Mapping[str, Handler]: ...


@dataclass
class _Mounted:
    host: re.Pattern[str]
    api: catalogue.Api
    handlers: Mapping[str, Handler]


@dataclass
class Front:
    """The region's HTTPS application.

    A service is chosen by the host name, as on OCI; a host that belongs to no service (loopback) is
    asked for any service's path.
    """

    domain: str
    region: str
    identity: Identity
    policies: Policies
    faults: Faults
    seen: list[str] = field(default_factory=list)
    """The operations asked for so far, whatever became of them."""
    _services: list[_Mounted] = field(default_factory=list)

    def mount(self, service: Service) -> None:
        """Add a service; every operation it does not implement answers 501 with its name."""
        api = catalogue.api(service.client)
        host = api.host.replace("{region}", self.region).replace("{secondLevelDomain}", self.domain)
        if strange := service.operations.keys() - {operation.id for operation in api.operations}:
            raise ValueError(f"{api.name} has no operation {', '.join(sorted(strange))}")
        prefix = getattr(service, "host_prefix", "")
        self._services.append(_Mounted(re.compile(prefix + re.escape(host)), api, service.operations))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ServiceError as error:
            response = JSONResponse({"code": error.code, "message": error.message}, error.status)
        sent = request.headers.get("opc-request-id", uuid.uuid4().hex).partition("/")[0]
        response.headers["opc-request-id"] = f"{sent}/{uuid.uuid4().hex.upper()}/{uuid.uuid4().hex.upper()}"
        if client_id := request.headers.get("opc-client-request-id"):
            response.headers["opc-client-request-id"] = client_id
        # A connection that breaks off, by a fault or by the client, needs no stack trace.
        with suppress(ClientDisconnect, ConnectionAbortedError):
            await response(scope, receive, self.faults.cutting(scope.get("operation", ""), send))

    async def _respond(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode("ascii")
        if path == "/v1/x509" and request.method == "POST":
            self.faults.strike("Federate")
            return JSONResponse(await self.identity.federate(request))
        mounted, operation, parameters = self._find(request.method, path, request.url.hostname or "")
        streamed = operation.id in _STREAMED
        has_body = request.method in ("POST", "PUT", "PATCH")
        principal = self.identity.authenticate(request, signs_body=has_body and not streamed)
        request.scope["operation"] = operation.id
        self.seen.append(operation.id)
        self.faults.strike(operation.id)
        handler = mounted.handlers.get(operation.id)
        if handler is None:
            raise not_implemented(operation.id)
        for name in operation.required:
            if not request.query_params.get(name):
                raise ServiceError(400, "MissingParameter", f"The query parameter {name} is required.")
        body = await _body(request, operation) if has_body and not streamed else None
        return await handler(Call(request, principal, self.policies, parameters, body))

    def _find(
        self, method: str, path: str, host: str
    ) -> tuple[_Mounted, catalogue.Operation, Mapping[str, str]]:
        services = [each for each in self._services if each.host.fullmatch(host)] or self._services
        found = [
            (mounted, operation, {key: unquote(value) for key, value in match.groupdict().items()})
            for mounted in services
            for operation in mounted.api.operations
            if operation.method == method and (match := operation.path.fullmatch(path))
        ]
        if not found:
            raise not_found()
        # Services share some paths (work requests): the one that implements it is meant.
        return next((each for each in found if each[1].id in each[0].handlers), found[0])


async def _body(request: Request, operation: catalogue.Operation) -> Any:
    raw = await request.body()
    signatures.check_body(request, raw)
    if operation.details is None or (operation.bodiless and not raw):
        return None
    try:
        parsed = json.loads(raw or b"null")
    except ValueError:
        raise ServiceError(400, "CannotParseRequest", "The body is not JSON.") from None
    catalogue.check(parsed, operation.details)
    return parsed
