"""LocalExecutor whose workers have the tasks' libraries imported already.

Workers, and in turn task processes, are forked from the scheduler: what it has imported costs a
task no time (five seconds of a processor otherwise) and, as long as its pages are shared, no memory.
"""

import gc
import importlib
import os
import socket
import time
import warnings
from urllib.parse import urlsplit

from airflow.executors.local_executor import LocalExecutor

TASK_LIBRARIES = (
    "httpx",
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "skops.io",
    "sklearn.ensemble",
    "sklearn.linear_model",
)
_PATIENCE_SECONDS = 20


class WarmLocalExecutor(LocalExecutor):
    """Runs tasks on this machine, `parallelism` of them at once."""

    def start(self) -> None:
        """Import the libraries, then start the workers."""
        _wait_for(os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"])
        # SciPy looks for its functions in every module there is: a thousand warnings of Airflow's old names.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for library in TASK_LIBRARIES:
                importlib.import_module(library)
        super().start()
        # A garbage collection would write to every object and so end the sharing of pages with the workers.
        gc.freeze()


def _wait_for(execution_api: str) -> None:
    # No task runs without the api-server, and while both start it needs the processors more.
    address = urlsplit(execution_api)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((address.hostname or "", address.port or 80), timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
