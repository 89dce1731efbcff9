"""Servers on sockets that somebody else has bound, in threads of this process."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import uvicorn
from starlette.types import ASGIApp

_START_DEADLINE = 10.0


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Clients keep connections open for later; here they are over with the region."""
        for connection in list(self.server_state.connections):
            if connection.transport:
                connection.transport.abort()
        await super().shutdown(sockets)


async def end_all() -> None:
    """Cancel every other task of the running loop, and return when what they closed is closed."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)


@contextmanager
def http(app: ASGIApp, sockets: Sequence[socket.socket], certificate: Path | None = None) -> Iterator[None]:
    """Serve the application on the sockets, with TLS when a PEM file (chain and key) is given."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        lifespan="off",
        ws="none",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ssl_certfile=certificate,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, args=(list(sockets),), daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_DEADLINE
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the region's server did not start")
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def names(
    listening: socket.socket, address: str, zones: Sequence[str], hosts: Mapping[str, str]
) -> Iterator[None]:
    """Answer DNS on a UDP socket: every name below a zone is at `address`, `hosts` may grow meanwhile."""

    def answer(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        found = hosts.get(name) or (address if any(name.endswith(f".{zone}") for zone in zones) else None)
        if found is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(question.name, 5, "IN", "A", found))
        return response

    def serve() -> None:
        while True:
            data, client = listening.recvfrom(4096)
            if not data:
                return
            try:
                query = dns.message.from_wire(data)
                listening.sendto(answer(query).to_wire(), client)
            except (dns.exception.DNSException, IndexError):
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Shutting a UDP socket down wakes the reader with an empty datagram, although it reports ENOTCONN.
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RD)
        thread.join(_START_DEADLINE)
        listening.close()
