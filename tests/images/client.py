"""A client on the region's network: HTTP and HTTPS from a namespace, by threads of this process."""

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.region.network import Namespace

_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """What a server answered, whatever its status is."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Whoever is in the namespace.

    `authority` is the file with the authorities that it trusts, `hosts` are addresses by name.
    """

    def __init__(
        self, namespace: Namespace, authority: Path | None = None, hosts: Mapping[str, str] | None = None
    ) -> None:
        self._namespace = namespace
        self._hosts = hosts or {}
        trust = ssl.create_default_context(cafile=authority)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            _Handler(self.connect),
            _TlsHandler(self.connect, trust),
            _AnyStatus(),
        )

    def connect(self, host: str, port: int, seconds: float = _SECONDS) -> socket.socket:
        """Raises: OSError: when nobody listens there, or a firewall is between."""
        made = self._namespace.bind(self._namespace.address or "", 0)
        try:
            made.settimeout(seconds)
            made.connect((self._hosts.get(host, host), port))
        except OSError:
            made.close()
            raise
        return made

    def reaches(self, host: str, port: int) -> bool:
        """Whether a connection can be made."""
        try:
            self.connect(host, port, 2).close()
        except OSError:
            return False
        return True

    def ask(
        self,
        url: str,
        json_body: object = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = _SECONDS,
    ) -> Answer:
        """GET, or POST when there is a body. Raises: OSError: when there is no answer."""
        data = None if json_body is None else json.dumps(json_body).encode()
        given = {"Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(url, data, given, method=method)
        try:
            with self._opener.open(request, timeout=seconds) as response:
                return Answer(response.status, response.read())
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error


class _Handler(urllib.request.HTTPHandler):
    def __init__(self, connect: Any) -> None:
        super().__init__()

        class Connection(http.client.HTTPConnection):
            def connect(self) -> None:
                self.sock = connect(self.host, self.port, self.timeout)

        self._connection = Connection

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _TlsHandler(urllib.request.HTTPSHandler):
    def __init__(self, connect: Any, trust: ssl.SSLContext) -> None:
        super().__init__()

        class Connection(http.client.HTTPSConnection):
            def connect(self) -> None:
                plain = connect(self.host, self.port, self.timeout)
                self.sock = trust.wrap_socket(plain, server_hostname=self.host)

        self._connection = Connection

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    def http_response(
        self,
        request: urllib.request.Request,  # noqa: ARG002 - the signature is urllib's
        response: http.client.HTTPResponse,
    ) -> http.client.HTTPResponse:
        return response

    https_response = http_response
