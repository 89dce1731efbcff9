"""From a registered version to a model in memory. Blocks for as long as download and imports take."""

import logging
import shutil
import tempfile
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import mlflow.models
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble._forest import ForestClassifier
from sklearn.preprocessing import FunctionTransformer

from services.serving.model_server.errors import AwayError, BrokenError, UnknownError, first_line
from services.serving.model_server.metadata import Metadata
from services.serving.model_server.model import Model
from services.serving.model_server.registry import Registry
from services.serving.model_server.signature import Signature
from services.serving.model_server.versions import Version

logger = logging.getLogger(__name__)


def load(registry: Registry, version: Version) -> Model:
    """Download a version and load it, as scikit-learn's own model where it is one.

    Raises UnknownError and AwayError as the registry does, BrokenError when it cannot be loaded here.
    """
    started = time.monotonic()
    try:
        model = _loaded(registry, version)
    except (UnknownError, AwayError):
        raise
    except Exception as error:  # a model's code may raise anything
        logger.exception("%s cannot be loaded", version)
        raise BrokenError(f"{version} cannot be loaded: {first_line(error)}") from error
    logger.info("%s loaded in %.1f s", version, time.monotonic() - started)
    return model


def _loaded(registry: Registry, version: Version) -> Model:
    folder = Path(tempfile.mkdtemp(prefix="model-"))
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    try:
        files = str(registry.download(version, folder))
        described = mlflow.models.Model.load(files)
        metadata = Metadata.of(described.metadata)
        schema = described.signature.inputs if described.signature else None
        if "sklearn" in described.flavors:
            model = _native(version, mlflow.sklearn.load_model(files), schema, metadata)
            remove()
        else:
            model = _python_function(version, mlflow.pyfunc.load_model(files), schema, metadata)
            weakref.finalize(model, remove)  # it may read its files as long as it lives
    except BaseException:
        remove()
        raise
    return model


def _native(version: Version, estimator: BaseEstimator, schema: Any, metadata: Metadata) -> Model:
    # The signature has checked the columns' names; an array of them is quicker to make than a frame.
    warnings.filterwarnings(
        "ignore", message="X (does not have valid|has) feature names", category=UserWarning
    )
    jobs = [name for name in estimator.get_params() if name.split("__")[-1] == "n_jobs"]
    estimator.set_params(**dict.fromkeys(jobs, 1))  # a request has one thread; the results are the same
    names = list(metadata.inputs)
    plain = _is_plain(estimator)
    if schema is not None:
        signature = Signature.of(schema, names, matrix_will_do=plain)
    elif hasattr(estimator, "n_features_in_"):
        fitted = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
        signature = Signature.unsigned(estimator.n_features_in_, fitted, names)
    else:
        signature = Signature("free")
    labels = getattr(estimator, "classes_", None)
    return Model(
        version,
        signature,
        metadata,
        _inference(estimator),
        labels.tolist() if isinstance(labels, np.ndarray) else None,
        rows_are_independent=plain and signature.form in ("frame", "matrix"),
    )


def _python_function(version: Version, model: Any, schema: Any, metadata: Metadata) -> Model:
    signature = Signature("free") if schema is None else Signature.of(schema, list(metadata.inputs))
    return Model(version, signature, metadata, lambda given: (model.predict(given), None))


def _inference(estimator: Any) -> Callable[[Any], tuple[Any, Any]]:
    predict = estimator.predict  # a model that can only transform is broken as a served one
    if not hasattr(estimator, "predict_proba") or getattr(estimator, "n_outputs_", 1) > 1:
        return lambda given: (predict(given), None)
    classes = estimator.classes_
    if type(estimator).predict is ForestClassifier.predict:
        # A forest predicts the most probable class, and finding the probabilities is all its work.
        def once(given: Any) -> tuple[Any, Any]:
            probabilities = estimator.predict_proba(given)
            return classes.take(probabilities.argmax(axis=1), axis=0), probabilities

        return once
    return lambda given: (predict(given), estimator.predict_proba(given))


def _is_plain(estimator: BaseEstimator) -> bool:
    """Whether every part is scikit-learn's own and none looks at columns by name."""
    return all(
        type(part).__module__.startswith("sklearn.")
        and not isinstance(part, ColumnTransformer | FunctionTransformer)
        and not hasattr(part, "_sklearn_output_config")
        for part in _parts(estimator)
    )


def _parts(estimator: BaseEstimator) -> Iterator[Any]:
    yield estimator
    yield from (part for part in estimator.get_params().values() if hasattr(part, "get_params"))
