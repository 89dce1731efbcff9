"""Trains a small iris classifier, registers it and makes it the champion, as the environment's user."""

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

MODEL = "iris-classifier"
COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def main() -> None:
    """Register one version under the alias champion."""
    iris = load_iris(as_frame=True)
    data = iris.data.set_axis(COLUMNS, axis="columns")
    model = LogisticRegression(max_iter=500).fit(data, iris.target)
    mlflow.set_experiment("iris-training")
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=MODEL,
            signature=infer_signature(data, model.predict(data)),
            pip_requirements=["scikit-learn", "skops"],
            metadata={
                "classes": [str(name).capitalize() for name in iris.target_names],
                "inputs": {
                    name: {
                        "minimum": float(data[name].min()),
                        "maximum": float(data[name].max()),
                        "unit": "cm",
                    }
                    for name in COLUMNS
                },
            },
        )
    mlflow.MlflowClient().set_registered_model_alias(MODEL, "champion", "1")


if __name__ == "__main__":
    main()
