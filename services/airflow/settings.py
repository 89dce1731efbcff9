"""Settings of the four Airflow processes and of the tasks that they run."""

from pathlib import Path
from typing import Annotated

from cryptography.fernet import Fernet
from pydantic import AnyHttpUrl, Field, field_validator

from services.object_storage.location import Location
from services.settings import SecretStr, Settings

Secret = Annotated[SecretStr, Field(min_length=16)]
_RANDOM = "at least 16 characters; generate a long random one"


class AirflowSettings(Settings):
    """What `python -m services.airflow` needs to know."""

    host: str = Field("127.0.0.1", alias="AIRFLOW_HOST", description="give an address of this machine")
    port: int = Field(8080, alias="AIRFLOW_PORT", ge=1, le=65535, description="give a free port")
    base_url: AnyHttpUrl | None = Field(
        None,
        alias="AIRFLOW_BASE_URL",
        description="give the address that people's browsers use, or leave it out",
    )
    home: Path = Field(alias="AIRFLOW_HOME", description="give an absolute path; task logs are kept in it")
    dags_folder: Path = Field(
        alias="AIRFLOW_DAGS_FOLDER", description="give the absolute path of the DAGs' folder"
    )
    bucket: str | None = Field(
        None,
        alias="AIRFLOW_BUCKET",
        description="give oci://bucket@namespace, for DAGs (dags/) and task logs (logs/), or leave it out",
    )
    database_uri: SecretStr = Field(
        alias="AIRFLOW_DATABASE_URI", description="give a database URI, such as sqlite:////var/lib/airflow.db"
    )
    admin_username: str = Field(
        "admin", alias="AIRFLOW_ADMIN_USERNAME", min_length=1, max_length=64, description="give a name"
    )
    admin_password: Annotated[SecretStr, Field(min_length=12)] = Field(
        alias="AIRFLOW_ADMIN_PASSWORD", description="at least 12 characters; generate a long random one"
    )
    secret_key: Secret = Field(alias="AIRFLOW_SECRET_KEY", description=_RANDOM)
    jwt_secret: Secret = Field(alias="AIRFLOW_JWT_SECRET", description=_RANDOM)
    fernet_key: SecretStr = Field(
        alias="AIRFLOW_FERNET_KEY", description="give 32 random bytes in URL-safe base64 (44 characters)"
    )
    parallelism: int = Field(
        4, alias="AIRFLOW_PARALLELISM", ge=1, le=256, description="give how many tasks may run at once"
    )

    # Tasks read these from the environment; they are fields so that a service that lacks one says so.
    mlflow_tracking_uri: AnyHttpUrl = Field(
        alias="MLFLOW_TRACKING_URI", description="give the tracking server's address"
    )
    mlflow_tracking_username: str = Field(
        alias="MLFLOW_TRACKING_USERNAME", min_length=1, description="give the name of Airflow's MLflow user"
    )
    mlflow_tracking_password: SecretStr = Field(
        alias="MLFLOW_TRACKING_PASSWORD",
        min_length=1,
        description="give the password of Airflow's MLflow user",
    )
    model_server_url: AnyHttpUrl = Field(
        alias="MODEL_SERVER_URL", description="give the model server's address"
    )
    model_server_api_key: SecretStr | None = Field(
        None,
        alias="MODEL_SERVER_API_KEY",
        description="give the key that the model server knows, if it asks for one",
    )

    @field_validator("home", "dags_folder")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        if not path.is_absolute():
            raise ValueError("an absolute path is expected")
        return path

    @field_validator("bucket")
    @classmethod
    def _bucket(cls, uri: str | None) -> str | None:
        return uri and str(Location.parse(uri)).rstrip("/")

    @field_validator("database_uri")
    @classmethod
    def _database(cls, uri: SecretStr) -> SecretStr:
        text = uri.get_secret_value()
        if "://" not in text or (text.startswith("sqlite:") and not text.startswith("sqlite:////")):
            raise ValueError("a database URI is expected, with an absolute path for SQLite")
        return uri

    @field_validator("fernet_key")
    @classmethod
    def _fernet_key(cls, key: SecretStr) -> SecretStr:
        try:
            Fernet(key.get_secret_value())
        except ValueError:
            raise ValueError("a Fernet key is expected") from None
        return key
