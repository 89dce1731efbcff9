"""Settings of the dashboard."""

from functools import cache
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl, TypeAdapter

from services.settings import SecretStr, Settings

_HTTP = TypeAdapter(HttpUrl)


def _base_url(value: str) -> str:
    if value:
        _HTTP.validate_python(value)
    return value.rstrip("/")


Url = Annotated[str, AfterValidator(_base_url)]


class DashboardSettings(Settings):
    """Where the services are for this process and, in `…_PUBLIC_URL`, for a person's browser."""

    host: str = Field("127.0.0.1", alias="DASHBOARD_HOST", description="an address of this machine")
    port: int = Field(
        8501, alias="DASHBOARD_PORT", ge=1, le=65535, description="a free port from 1 to 65535, as 8501"
    )
    model: str = Field(
        "iris-classifier",
        alias="DASHBOARD_MODEL",
        min_length=1,
        description="the registered model to show first, as iris-classifier",
    )
    mlflow_url: Url = Field(
        alias="MLFLOW_TRACKING_URI", min_length=1, description="MLflow's URL, as http://127.0.0.1:5000"
    )
    mlflow_username: str = Field(
        alias="MLFLOW_TRACKING_USERNAME",
        min_length=1,
        description="the dashboard's own MLflow user",
    )
    mlflow_password: SecretStr = Field(
        alias="MLFLOW_TRACKING_PASSWORD", min_length=1, description="the password of that MLflow user"
    )
    airflow_url: Url = Field(
        alias="AIRFLOW_URL", min_length=1, description="Airflow's URL, as http://127.0.0.1:8080"
    )
    model_server_url: Url = Field(
        alias="MODEL_SERVER_URL", min_length=1, description="the model server's URL, as http://127.0.0.1:8000"
    )
    model_server_api_key: SecretStr | None = Field(
        None,
        alias="MODEL_SERVER_API_KEY",
        description="one of the keys in MODEL_SERVER_API_KEYS",
    )
    prediction_api_url: Url = Field(
        alias="PREDICTION_API_URL",
        min_length=1,
        description="the prediction API's URL, as http://127.0.0.1:8081",
    )
    mlflow_public_url: Url = Field(
        "", alias="MLFLOW_PUBLIC_URL", description="MLflow's URL for browsers, where it is another one"
    )
    airflow_public_url: Url = Field(
        "", alias="AIRFLOW_PUBLIC_URL", description="Airflow's URL for browsers, where it is another one"
    )
    model_server_public_url: Url = Field(
        "", alias="MODEL_SERVER_PUBLIC_URL", description="the model server's URL for browsers, likewise"
    )
    prediction_api_public_url: Url = Field(
        "", alias="PREDICTION_API_PUBLIC_URL", description="the web page's URL for browsers, likewise"
    )


@cache
def settings() -> DashboardSettings:
    """The settings of this process, read once."""
    return DashboardSettings.load()
