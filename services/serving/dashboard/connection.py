"""Calls to the other services: short timeouts, and every failure a `Problem` that can be told in words."""

import atexit
from typing import Any, Literal

import httpx

# One pool of connections for all; every Connection has its own credentials and its own cookies.
TRANSPORT = httpx.HTTPTransport(limits=httpx.Limits(max_connections=64, keepalive_expiry=15))
atexit.register(TRANSPORT.close)
_TIMEOUT = httpx.Timeout(8, connect=2)


class Problem(Exception):
    """What a person must be told: the key of a text and the values in it."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key, values)
        self.key = key
        self.values = values


class Away(Problem):
    """The service cannot be reached or cannot answer now."""


class Unauthorized(Problem):
    """The service does not know the user and password, or the key."""


class Forbidden(Problem):
    """The user is known and has no right to do this."""


class Missing(Problem):
    """What was asked for does not exist (any more)."""


class Connection:
    """One service as one user; safe to share between threads."""

    def __init__(
        self,
        service: Literal["mlflow", "model_server"],
        url: str,
        auth: httpx.Auth | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.service = service
        self.url = url
        self._client = httpx.Client(
            base_url=url, auth=auth, headers=headers, transport=TRANSPORT, timeout=_TIMEOUT
        )

    def get(self, path: str, **parameters: str | int) -> Any:
        """Read; raises Problem."""
        return self.call("GET", path, params=parameters)

    def post(self, path: str, body: object) -> Any:
        """Send `body` as JSON; raises Problem."""
        return self.call("POST", path, json=body)

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """The answer's JSON; raises Away, Unauthorized, Forbidden, Missing or Problem."""
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise Away("problem.away", service=self.service, url=self.url) from error
        if answer.is_success:
            try:
                return answer.json()
            except ValueError as error:
                raise Away("problem.stranger", service=self.service, url=self.url) from error
        raise self._problem(answer)

    def _problem(self, answer: httpx.Response) -> Problem:
        detail = _detail(answer)
        values = {"service": self.service, "url": self.url, "detail": detail, "status": answer.status_code}
        match answer.status_code:
            case 401:
                return Unauthorized("problem.unauthorized", **values)
            case 403 if "host header" in detail.lower():
                return Away("problem.host", **values)
            case 403:
                return Forbidden("problem.forbidden", **values)
            case 404:
                return Missing("problem.missing", **values)
            case 503:
                return Away("problem.not_ready", **values)
            case status if status >= 500:
                return Away("problem.broken", **values)
        return Problem("problem.refused", **values)


def _detail(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:200]
    if not isinstance(body, dict):
        return str(body)[:200]
    detail = body.get("detail", body.get("message", ""))
    if isinstance(detail, list):
        return "; ".join(
            f"{'.'.join(str(part) for part in item['loc'][1:])}: {item['msg']}" for item in detail[:3]
        )
    return str(detail)[:500]
