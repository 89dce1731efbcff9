"""`python -m services.airflow prepare|api-server|scheduler|dag-processor|triggerer`."""

import ctypes
import gc
import os
import signal
import sys
import warnings

from services.airflow import mysql
from services.airflow.environment import environment
from services.airflow.role import ROLE
from services.airflow.settings import AirflowSettings
from services.airflow.warm_up import warm_up
from services.settings import exit_with

COMPONENTS = tuple(argument for service in ROLE.services for argument in service.arguments)
PR_SET_PDEATHSIG = 1  # linux/prctl.h
KNOWN_WARNINGS = (
    "Using `httpx` with `starlette.testclient`",  # Airflow's own use of its libraries
    "starlette.middleware.wsgi is deprecated",
    "Using the in-memory storage for tracking rate limits",  # right for one api-server process
)


def main(arguments: list[str]) -> None:
    """Run one component in this very process, so that its supervisor's signals reach Airflow itself."""
    if len(arguments) != 1 or arguments[0] not in ("prepare", *COMPONENTS):
        exit_with(f"usage: python -m services.airflow prepare|{'|'.join(COMPONENTS)}")
    component = arguments[0]
    settings = AirflowSettings.load()
    os.umask(0o077)  # the database holds password hashes
    os.environ.update(environment(settings))
    uri = settings.database_uri.get_secret_value()
    if mysql.is_mysql(uri):
        mysql.use(uri)
    for message in KNOWN_WARNINGS:
        warnings.filterwarnings("ignore", message)
    if component == "prepare":
        from services.airflow.prepare import prepare

        prepare(settings)
    else:
        run(component)


def run(component: str) -> None:
    """Become the component: returns when it has stopped."""
    # What Airflow loads stays: to look for garbage in it takes a quarter of the start. Collections begin with
    # the first child, or, in the api-server, which has none, with the first answer.
    gc.disable()
    # A child that outlived its killed parent would run a task beside the restarted one, or idle for ever.
    os.register_at_fork(before=gc.enable, after_in_child=_die_with_parent)
    from airflow.__main__ import main as airflow

    if component == "api-server":
        warm_up(os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"])
    # Task logs are read from the disk they are written to: no log servers on ports of their own.
    serves_logs = component in ("scheduler", "triggerer")
    sys.argv = ["airflow", component, *(["--skip-serve-logs"] if serves_logs else [])]
    airflow()  # type: ignore[no-untyped-call]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
