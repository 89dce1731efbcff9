import gc
import socket
from collections.abc import Iterator

import pytest

from tests.images.way_out import way_out


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_request_is_passed_on_and_answered(server: socket.socket) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    host = f"127.0.0.1:{server.getsockname()[1]}"
    with way_out(listening), socket.create_connection(address) as client:
        client.sendall(f"GET http://{host}/a?b HTTP/1.1\r\nConnection: keep-alive\r\n\r\n".encode())
        asked, _ = server.accept()
        assert asked.recv(1000) == b"GET /a?b HTTP/1.1\r\nConnection: close\r\n\r\n"
        asked.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        asked.close()
        assert client.recv(1000).startswith(b"HTTP/1.1 204")


def test_nothing_outlives_it_whatever_its_clients_are_at(server: socket.socket) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    host = f"127.0.0.1:{server.getsockname()[1]}"
    with socket.create_connection(address) as silent, socket.create_connection(address) as tunnel:
        with way_out(listening):
            tunnel.sendall(f"CONNECT {host} HTTP/1.1\r\n\r\n".encode())
            assert tunnel.recv(100).startswith(b"HTTP/1.1 200")
        assert (silent.recv(1), tunnel.recv(1)) == (b"", b"")
    # What is left open warns when it is collected, and a warning is an error.
    gc.collect()
