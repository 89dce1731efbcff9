"""Models of many kinds, logged as their users log them."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import Array, Map, Object, Property
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

IRIS = "iris-classifier"
UNSIGNED = "sem assinatura é 100%25's"
COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
CLASSES = ["Setosa", "Versicolor", "Virginica"]

ECHO = """
import time
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Echo(PythonModel):
    def predict(self, context, model_input, params=None):
        command = str(model_input["command"].iloc[0]) if "command" in model_input else ""
        if command.startswith("sleep"):
            time.sleep(float(command.split()[1]))
        if command == "fail":
            raise RuntimeError("no reason")
        return model_input

set_model(Echo())
"""


def iris() -> tuple[pd.DataFrame, Any]:
    """The measurements by name, and the species as 0, 1, 2."""
    frame, species = load_iris(return_X_y=True, as_frame=True)
    return frame.set_axis(COLUMNS, axis=1), species.to_numpy()


def log_models(url: str, folder: Path) -> dict[str, Any]:
    """Log and register all; what was fitted, by name."""
    mlflow.set_experiment("model-server-tests")
    client = MlflowClient(url, url)
    frame, species = iris()
    ranges = {
        name: {"minimum": float(frame[name].min()), "maximum": float(frame[name].max()), "unit": "cm"}
        for name in COLUMNS
    }
    metadata = {"classes": CLASSES, "inputs": ranges}
    signature = infer_signature(frame, species)
    fitted: dict[str, Any] = {}

    def native(name: str, model: Any, **options: Any) -> Any:
        options = {"serialization_format": "cloudpickle"} | options
        fitted[name] = model
        return mlflow.sklearn.log_model(
            model, name="model", registered_model_name=name, pip_requirements=["scikit-learn"], **options
        )

    native(IRIS, LogisticRegression(max_iter=500).fit(frame, species), signature=signature, metadata=metadata)
    client.set_registered_model_alias(IRIS, "champion", "1")
    client.set_model_version_tag(IRIS, "1", "promoted_by", "tests")
    client.transition_model_version_stage(IRIS, "1", "Production")

    native(UNSIGNED, LogisticRegression(max_iter=500).fit(frame.to_numpy(), species))
    forest = RandomForestClassifier(20, n_jobs=2, random_state=0).fit(frame, species)
    trusted = ["sklearn.tree._tree.Tree"]
    native("forest", forest, signature=signature, serialization_format="skops", skops_trusted_types=trusted)
    scaled = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(frame, species)
    native("scaled", scaled, signature=signature, metadata={"classes": "not a list", "inputs": 7})
    array = frame.to_numpy()
    native("array", LinearRegression().fit(array, species), signature=infer_signature(array, species))
    mixed = frame.assign(colour=np.where(species == 0, "blue", "white"))
    encoder = ColumnTransformer([("colour", OneHotEncoder(), ["colour"])], remainder="passthrough")
    native(
        "mixed",
        make_pipeline(encoder, LogisticRegression(max_iter=500)).fit(mixed, [CLASSES[s] for s in species]),
        signature=infer_signature(mixed, species),
    )
    for name in ("array", "mixed", "scaled", "forest", UNSIGNED):
        client.set_registered_model_alias(name, "champion", "1")

    broken = native("broken", LinearRegression().fit(array, species), signature=signature)
    garbage = folder / "model.pkl"
    garbage.write_bytes(b"this is no model")
    client.log_model_artifact(broken.model_id, str(garbage))

    code = folder / "echo.py"
    code.write_text(ECHO)
    for name, inputs in ECHO_INPUTS.items():
        mlflow.pyfunc.log_model(
            name="model",
            python_model=str(code),
            registered_model_name=name,
            pip_requirements=["mlflow-skinny"],
            signature=ModelSignature(Schema(inputs)) if inputs else None,
        )
    return fitted


ECHO_INPUTS: dict[str, list[Any]] = {
    "command": [ColSpec(DataType.string, "command")],
    "free": [],
    "types": [
        ColSpec(DataType.boolean, "boolean"),
        ColSpec(DataType.integer, "integer"),
        ColSpec(DataType.long, "long"),
        ColSpec(DataType.float, "float"),
        ColSpec(DataType.double, "double", required=False),
        ColSpec(DataType.string, "string", required=False),
        ColSpec(DataType.binary, "binary"),
        ColSpec(DataType.datetime, "datetime"),
        ColSpec(Array(DataType.long), "array"),
        ColSpec(Object([Property("a", DataType.double), Property("b", DataType.string, False)]), "object"),
        ColSpec(Map(DataType.long), "map"),
    ],
    "image": [TensorSpec(np.dtype("float32"), (-1, 2, 3))],
    "tensors": [
        TensorSpec(np.dtype("int64"), (-1,), "ids"),
        TensorSpec(np.dtype("float64"), (-1, 2), "points"),
    ],
}
