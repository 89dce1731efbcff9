"""The HTTP server: one process, so that nothing keeps the port when it is killed."""

import logging
import signal
import sys
from typing import NoReturn

from waitress.server import create_server

from services.serving.prediction_api.app import create_app
from services.serving.prediction_api.model_server import CONNECTIONS
from services.serving.prediction_api.settings import PredictionApiSettings

THREADS = 2 * CONNECTIONS
"""Twice what the model server can hold busy: the page and the health check never wait for it."""

LARGEST_BODY_BYTES = 1024 * 1024
"""What is read at all; the application answers with a sentence well before."""


def serve(settings: PredictionApiSettings) -> None:
    """Serve until SIGTERM, then finish the requests under way; exit 1 when the address cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        server = create_server(
            create_app(settings),
            host=settings.host,
            port=settings.port,
            threads=THREADS,
            connection_limit=1000,
            channel_timeout=60,
            max_request_body_size=LARGEST_BODY_BYTES,
            max_request_header_size=32 * 1024,
            # ProxyFix reads them, where a setting says so.
            clear_untrusted_proxy_headers=False,
            asyncore_use_poll=True,
            ident=None,
        )
    except (OSError, ValueError) as error:
        sys.exit(
            f"PREDICTION_API_HOST {settings.host!r} with PREDICTION_API_PORT {settings.port} cannot be used: "
            f"{error}. Remedy: give an address of this machine and a free port, or stop what holds it."
        )
    signal.signal(signal.SIGTERM, _stop)
    logging.getLogger(__name__).info("listening on %s port %d", settings.host, settings.port)
    server.run()


def _stop(*_: object) -> NoReturn:
    raise SystemExit(0)
