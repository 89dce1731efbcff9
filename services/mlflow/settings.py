"""Settings of the tracking server, of its databases and of its users."""

import re
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from services.settings import SecretStr, Settings

LOOPBACK_HOSTS = ("localhost", "localhost:*", "127.0.0.1", "127.0.0.1:*", "[::1]", "[::1]:*")
"""Host headers of this machine, with and without a port."""

ARTIFACT_ROOT = "mlflow-artifacts:/"
"""Clients reach every artifact through the server, so that they need no rights on the bucket."""

SERVICE_USERS = ("airflow", "model-server", "dashboard")

_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:(\d+|\*))?")
_ORIGIN = re.compile(r"https?://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:\d+)?")
_DATABASE = re.compile(r"sqlite:////.+|(?!sqlite)[a-z0-9]+(\+[a-z0-9]+)?://.+")
_STRONG = "at least 12 characters; generate a long random one"


def _comma_list(value: object) -> object:
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
Password = Annotated[SecretStr, Field(min_length=12)]


class TrackingServerSettings(Settings):
    """What `python -m services.mlflow` needs to know."""

    host: str = Field("127.0.0.1", alias="MLFLOW_HOST", description="give an address of this machine")
    port: int = Field(5000, alias="MLFLOW_PORT", ge=1, le=65535, description="give a free port")
    workers: int = Field(
        1, alias="MLFLOW_WORKERS", ge=1, le=64, description="give a number of processes, 200 MB each"
    )
    backend_store_uri: SecretStr = Field(
        alias="MLFLOW_BACKEND_STORE_URI",
        description="give a database URI, such as sqlite:////var/lib/mlflow.db",
    )
    artifacts_destination: str = Field(
        alias="MLFLOW_ARTIFACTS_DESTINATION", min_length=1, description="give a folder or a bucket's URI"
    )
    auth_database_uri: SecretStr = Field(
        alias="MLFLOW_AUTH_DATABASE_URI",
        description="give the URI of a database of its own, such as sqlite:////var/lib/users.db",
    )
    admin_username: str = Field(
        "admin",
        alias="MLFLOW_ADMIN_USERNAME",
        min_length=1,
        description=f"give a name that no service has ({', '.join(SERVICE_USERS)})",
    )
    admin_password: Password = Field(alias="MLFLOW_ADMIN_PASSWORD", description=_STRONG)
    secret_key: SecretStr = Field(
        alias="MLFLOW_SECRET_KEY", min_length=16, description="at least 16 characters; generate a random key"
    )
    allowed_hosts: CommaList = Field(
        (),
        alias="MLFLOW_ALLOWED_HOSTS",
        description="name each host that clients call, its port too unless it is the scheme's own: "
        "mlflow.example.org,mlflow.example.org:5000",
    )
    allowed_origins: CommaList = Field(
        (),
        alias="MLFLOW_ALLOWED_ORIGINS",
        description="name each origin that pages come from: https://mlflow.example.org",
    )
    airflow_password: Password = Field(alias="MLFLOW_AIRFLOW_PASSWORD", description=_STRONG)
    model_server_password: Password = Field(alias="MLFLOW_MODEL_SERVER_PASSWORD", description=_STRONG)
    dashboard_password: Password = Field(alias="MLFLOW_DASHBOARD_PASSWORD", description=_STRONG)

    @field_validator("backend_store_uri", "auth_database_uri")
    @classmethod
    def _database(cls, uri: SecretStr) -> SecretStr:
        if not _DATABASE.fullmatch(uri.get_secret_value()):
            raise ValueError(
                "dialect+driver://… with user and host, or sqlite:// and an absolute path, is expected"
            )
        return uri

    @field_validator("admin_username")
    @classmethod
    def _no_service_name(cls, name: str) -> str:
        if name in SERVICE_USERS:
            raise ValueError("a name that is not a service's is expected")
        return name

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(
                    f"{host!r} is no host name or address with an optional port (a port may be '*')"
                )
        return hosts

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin, which is scheme://host or scheme://host:port")
        return origins

    @model_validator(mode="after")
    def _two_databases(self) -> Self:
        if self.auth_database_uri == self.backend_store_uri:
            raise ValueError("MLFLOW_AUTH_DATABASE_URI must differ from MLFLOW_BACKEND_STORE_URI")
        return self

    @property
    def service_passwords(self) -> dict[str, SecretStr]:
        """The password of each service's user, by the user's name."""
        passwords = (self.airflow_password, self.model_server_password, self.dashboard_password)
        return dict(zip(SERVICE_USERS, passwords, strict=True))
