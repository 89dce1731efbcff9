"""`python -m services.mlflow` serves; `python -m services.mlflow prepare` makes what serving needs."""

import os
import sys

from services.mlflow.settings import TrackingServerSettings
from services.settings import exit_with

_NO_REPORTS = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def main(arguments: list[str]) -> None:
    """Serve or prepare; exits with EX_CONFIG and a sentence on bad settings or arguments."""
    if arguments not in ([], ["prepare"]):
        exit_with(f"Unknown arguments {arguments}. Remedy: give none to serve, or `prepare`.")
    settings = TrackingServerSettings.load()
    os.environ.update(_NO_REPORTS)
    # Either way imports most of MLflow; bad settings are told before.
    if arguments:
        from services.mlflow.preparation import prepare

        prepare(settings)
    else:
        from services.mlflow.server import serve

        serve(settings)


if __name__ == "__main__":
    main(sys.argv[1:])
