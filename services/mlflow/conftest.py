"""MLflow's server warns about its own dependencies while it is imported; the tests' strictness is for us."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow.server.auth  # noqa: F401
