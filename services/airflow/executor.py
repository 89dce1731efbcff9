"""LocalExecutor whose workers have the tasks' libraries imported already.

Workers, and in turn task processes, are forked from the scheduler: what it has imported costs a
task no time (five seconds of a processor otherwise) and, as long as its pages are shared, no memory.
"""

import gc
import importlib

from airflow.executors.local_executor import LocalExecutor

TASK_LIBRARIES = (
    "httpx",
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "skops.io",
    "sklearn.ensemble",
    "sklearn.linear_model",
)


class WarmLocalExecutor(LocalExecutor):
    """Runs tasks on this machine, `parallelism` of them at once."""

    def start(self) -> None:
        """Import the libraries, then start the workers."""
        for library in TASK_LIBRARIES:
            importlib.import_module(library)
        super().start()
        # A garbage collection would write to every object and so end the sharing of pages with the workers.
        gc.freeze()
