"""The tracking server's process: MLflow's authenticated application under uvicorn.

MLflow's own command starts uvicorn as a child, which keeps the port when the command is killed;
here the server is the process itself.
"""

import ctypes
import os
import signal
import socket
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.supervisors import Multiprocess

from services.mlflow.databases import require_prepared
from services.mlflow.settings import ARTIFACT_ROOT, LOOPBACK_HOSTS, TrackingServerSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

_AUTH_CONFIG = Path(__file__).parent / "basic_auth.ini"
_DRAIN_SECONDS = 5
_PR_SET_PDEATHSIG = 1


def serve(settings: TrackingServerSettings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way then have five seconds to end.

    Exits with a sentence, before MLflow is loaded, when the databases are not prepared or the
    address is taken.
    """
    require_prepared(settings)
    os.environ.update(environment(settings))
    config = uvicorn.Config(
        "services.mlflow.server:application",
        factory=True,
        workers=settings.workers,
        log_config=str(distribution("mlflow").locate_file("mlflow/server/uvicorn_log_config.yaml")),
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    with bound_socket(settings.host, settings.port) as sock:
        if settings.workers > 1:
            Multiprocess(config, sockets=[sock]).run()
        else:
            uvicorn.Server(config).run(sockets=[sock])


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that has the address and does not listen yet: clients are refused until the server is up."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sys.exit(
            f"MLFLOW_HOST is {host!r} and MLFLOW_PORT is {port}: an address that is free on this machine "
            f"is expected ({error.strerror}). Remedy: stop what uses the port, or set MLFLOW_PORT to another."
        )
    return sock


def environment(settings: TrackingServerSettings) -> dict[str, str]:
    """What MLflow reads from its environment, most of it while it is imported."""
    return {
        "_MLFLOW_SERVER_FILE_STORE": settings.backend_store_uri.get_secret_value(),
        "_MLFLOW_SERVER_REGISTRY_STORE": settings.backend_store_uri.get_secret_value(),
        "_MLFLOW_SERVER_ARTIFACT_ROOT": ARTIFACT_ROOT,
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": settings.artifacts_destination,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        # A route that MLflow has no rule for is refused, also to those who may read everything.
        "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "true",
        # `prepare` makes the admin; the application would only spend a second on looking again.
        "_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED": "true",
        "MLFLOW_AUTH_CONFIG_PATH": str(_AUTH_CONFIG),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": settings.secret_key.get_secret_value(),
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(map(_pattern, (*LOOPBACK_HOSTS, *settings.allowed_hosts))),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(settings.allowed_origins),
        # The job runner serves evaluations by language models; it takes 1.5 GB before the first one.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def _pattern(host: str) -> str:
    """MLflow takes a host with `*` as a file name pattern, where an address's `[` means a set."""
    return host.replace("[", "[[]") if "*" in host else host


def application() -> "FastAPI":
    """The application of one worker process, its databases open."""
    settings = TrackingServerSettings.load()
    if settings.workers > 1:
        _end_with_supervisor()
    from mlflow.server import auth, handlers

    auth.auth_config = auth.auth_config._replace(database_uri=settings.auth_database_uri.get_secret_value())
    backend_store_uri = settings.backend_store_uri.get_secret_value()
    handlers.initialize_backend_stores(backend_store_uri, backend_store_uri, ARTIFACT_ROOT)
    app: FastAPI = auth.create_app()
    return app


def _end_with_supervisor() -> None:
    """A worker whose supervisor was killed would hold the port for ever."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
