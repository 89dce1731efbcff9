"""An HTTP proxy from the region's network to the package registries: some machines install when they boot."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.region.listening import end_all

_PIECE = 1 << 16


@contextmanager
def way_out(listening: socket.socket) -> Iterator[None]:
    """Serve on the socket: CONNECT for HTTPS, and plain requests, one a connection."""
    loop = asyncio.new_event_loop()
    listening.listen()
    server = loop.run_until_complete(asyncio.start_server(_serve, sock=listening))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(end_all(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError, asyncio.IncompleteReadError):
            await _pass_on(client, answer)
    finally:
        answer.close()


async def _pass_on(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
    request, *headers = (await client.readuntil(b"\r\n\r\n")).split(b"\r\n")
    method, target, version = request.split()
    url = urlsplit(b"//" + target if method == b"CONNECT" else target)
    assert url.hostname
    server, forward = await asyncio.open_connection(url.hostname.decode(), url.port or 80)
    try:
        if method == b"CONNECT":
            answer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            path = url.path + (b"?" + url.query if url.query else b"")
            kept = [line for line in headers if line and not line.lower().startswith(b"connection:")]
            forward.write(
                b"\r\n".join([b" ".join((method, path, version)), *kept, b"Connection: close", b"", b""])
            )
        await asyncio.gather(_relay(client, forward), _relay(server, answer))
    finally:
        forward.close()


async def _relay(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
    finally:
        target.close()
