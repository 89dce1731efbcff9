"""What a load balancer is made of: a hook that proxies, or nothing; and the real proxy, TLS and all."""

import asyncio
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.region.listening import end_all

_HEAD_BYTES = 65536


@dataclass(frozen=True)
class Backend:
    address: str
    port: int


@dataclass(frozen=True)
class Listener:
    """A port of a load balancer, the OCID of its certificate if it ends TLS, and where it leads."""

    port: int
    protocol: str
    certificate: str | None
    backends: tuple[Backend, ...]
    idle_seconds: float


class Proxy(Protocol):
    """Told of a load balancer whenever it has changed: its OCID, its address and all its listeners."""

    def apply(self, balancer: str, address: str, listeners: Sequence[Listener]) -> None: ...

    def remove(self, balancer: str) -> None: ...


class NoProxy:
    """Load balancers on whose ports nothing listens."""

    def apply(self, balancer: str, address: str, listeners: Sequence[Listener]) -> None:
        """Listen nowhere."""

    def remove(self, balancer: str) -> None:
        """Nothing listens."""


class TlsProxy:
    """Listens on the ports of load balancers and leads each connection to a backend in turn.

    `bind` makes a socket on an address and a port, `outward` one to connect to backends with, and
    `certificate` finds the file with the certificate chain and key of an OCID.
    """

    def __init__(
        self,
        bind: Callable[[str, int], socket.socket],
        certificate: Callable[[str], Path],
        outward: Callable[[], socket.socket] = lambda: socket.socket(socket.AF_INET),
    ) -> None:
        self._bind = bind
        self._certificate = certificate
        self._outward = outward
        self._loop = asyncio.new_event_loop()
        self._servers: dict[str, list[asyncio.Server]] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def apply(self, balancer: str, address: str, listeners: Sequence[Listener]) -> None:
        self.remove(balancer)
        asyncio.run_coroutine_threadsafe(self._serve(balancer, address, listeners), self._loop).result()

    def remove(self, balancer: str) -> None:
        for server in self._servers.pop(balancer, []):
            asyncio.run_coroutine_threadsafe(_closed(server), self._loop).result()

    def close(self) -> None:
        """Listen no longer."""
        for balancer in list(self._servers):
            self.remove(balancer)
        asyncio.run_coroutine_threadsafe(end_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, balancer: str, address: str, listeners: Sequence[Listener]) -> None:
        servers = self._servers.setdefault(balancer, [])
        for listener in listeners:
            context = None
            if listener.certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.load_cert_chain(self._certificate(listener.certificate))
            lead = self._leading(listener)
            bound = self._bind(address, listener.port)
            servers.append(await asyncio.start_server(lead, sock=bound, ssl=context, limit=_HEAD_BYTES))

    def _leading(self, listener: Listener) -> Callable[..., "asyncio.Future[None]"]:
        turns = itertools.cycle(listener.backends or (None,))

        async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                    await self._lead(listener, turns, reader, writer)
            finally:
                writer.close()

        return lead  # type: ignore[return-value]

    async def _lead(
        self,
        listener: Listener,
        turns: Iterator[Backend | None],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        head = b""
        if listener.protocol.startswith("HTTP"):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), listener.idle_seconds)
            head = _forwarded(head, writer.get_extra_info("peername")[0], tls=bool(listener.certificate))
        for backend in itertools.islice(turns, max(1, len(listener.backends))):
            if backend and (streams := await self._connected(backend)):
                break
        else:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        inward, outward = streams
        idle = listener.idle_seconds
        try:
            outward.write(head)
            await asyncio.gather(
                _pipe(reader, outward, idle), _pipe(inward, writer, idle), return_exceptions=True
            )
        finally:
            outward.close()

    async def _connected(self, backend: Backend) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        outward = self._outward()
        outward.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(outward, (backend.address, backend.port))
        except OSError:
            outward.close()
            return None
        return await asyncio.open_connection(sock=outward)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: float) -> None:
    try:
        while chunk := await asyncio.wait_for(reader.read(65536), idle):
            writer.write(chunk)
            await writer.drain()
    finally:
        with suppress(OSError, NotImplementedError):
            writer.write_eof() if writer.can_write_eof() else writer.close()


async def _closed(server: asyncio.Server) -> None:
    server.close()


def _forwarded(head: bytes, client: str, *, tls: bool) -> bytes:
    """A request's head as a load balancer passes it on: who asks and how; one request a connection."""
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    names = [line.partition(b":")[0].strip().lower() for line in lines]
    scheme = b"https" if tls else b"http"
    dropped = {b"x-forwarded-proto", b"x-real-ip", b"x-forwarded-for"}
    if b"upgrade" not in names:
        dropped.add(b"connection")
    kept = [line for name, line in zip(names, lines, strict=True) if name not in dropped]
    added = [b"X-Forwarded-For: " + client.encode(), b"X-Real-IP: " + client.encode()]
    added.append(b"X-Forwarded-Proto: " + scheme)
    if b"upgrade" not in names:
        added.append(b"Connection: close")
    return b"\r\n".join([first, *kept, *added]) + b"\r\n\r\n"
