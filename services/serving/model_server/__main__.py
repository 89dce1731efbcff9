"""`python -m services.serving.model_server`: one process, one event loop."""

import logging
import socket
import sys

import uvicorn

from services.serving.model_server.app import create_app
from services.serving.model_server.settings import ModelServerSettings

_STOP_SECONDS = 10


def main() -> None:
    """Serve until SIGTERM; exits with EX_CONFIG on bad settings, with 1 where it cannot listen."""
    settings = ModelServerSettings.load()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.setswitchinterval(0.0005)  # a thread that computes gives way to the event loop soon
    listener = listen(settings.host, settings.port)
    config = uvicorn.Config(
        create_app(settings),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    uvicorn.Server(config).run([listener])


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on; exits with a sentence when the address cannot be had."""
    try:
        return socket.create_server((host, port), family=_family(host), backlog=2048)
    except OSError as error:
        sys.exit(
            f"MODEL_SERVER_HOST is {host!r} and MODEL_SERVER_PORT is {port}: cannot listen there "
            f"({error.strerror}). Remedy: stop what listens there, or give another address or port."
        )


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


if __name__ == "__main__":
    main()
