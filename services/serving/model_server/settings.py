"""The model server's settings."""

import ipaddress
import json
from typing import Annotated, Self

from pydantic import Field, SecretStr, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode

from services.settings import Settings

_KEYS = TypeAdapter(dict[str, str])


class ModelServerSettings(Settings):
    """Where to listen, which registry to serve, who may ask, and how much at once."""

    host: str = Field("127.0.0.1", alias="MODEL_SERVER_HOST", description="give the address to listen on")
    port: int = Field(
        8000, ge=1, le=65535, alias="MODEL_SERVER_PORT", description="give a free port, 1 to 65535"
    )
    tracking_uri: str = Field(
        alias="MLFLOW_TRACKING_URI",
        pattern=r"^https?://[^/]",
        description="give the tracking server's URL, such as http://127.0.0.1:5000",
    )
    username: str = Field(
        "", alias="MLFLOW_TRACKING_USERNAME", description="give the MLflow user that the model server acts as"
    )
    password: SecretStr = Field(
        SecretStr(""), alias="MLFLOW_TRACKING_PASSWORD", description="give that user's password"
    )
    api_keys: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict,
        alias="MODEL_SERVER_API_KEYS",
        description=(
            'give a JSON object of names and keys, such as {"dashboard": "a long random text"}, '
            "or nothing to leave a server on the loopback address open"
        ),
    )
    default_model: str = Field(
        "iris-classifier",
        min_length=1,
        alias="MODEL_SERVER_DEFAULT_MODEL",
        description="name the registered model that POST /predict serves",
    )
    refresh_seconds: float = Field(
        5,
        ge=0,
        le=3600,
        alias="MODEL_SERVER_REFRESH_SECONDS",
        description="give the seconds (0 to 3600) after which a moved alias must be followed",
    )
    cache_models: int = Field(
        8,
        ge=1,
        le=1000,
        alias="MODEL_SERVER_CACHE_MODELS",
        description="give how many loaded models are kept in memory, 1 to 1000",
    )
    threads: int = Field(
        2,
        ge=1,
        le=256,
        alias="MODEL_SERVER_THREADS",
        description="give how many predictions are computed at once, 1 to 256",
    )
    queue: int = Field(
        64,
        ge=1,
        le=10000,
        alias="MODEL_SERVER_QUEUE",
        description="give how many prediction requests may be under way or waiting, 1 to 10000",
    )
    max_body_bytes: int = Field(
        8 * 1024 * 1024,
        ge=1024,
        le=1024**3,
        alias="MODEL_SERVER_MAX_BODY_BYTES",
        description="give the largest request body in bytes, 1024 to 1073741824",
    )

    @field_validator("api_keys", mode="before")
    @classmethod
    def _read_keys(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if not value.strip():
            return {}
        try:
            keys = _KEYS.validate_python(json.loads(value), strict=True)
        except (json.JSONDecodeError, ValidationError):
            raise ValueError("expected a JSON object with a text for every name") from None
        if not all(
            name and key and key.isascii() and not set(key) & set(" \t\r\n") for name, key in keys.items()
        ):
            raise ValueError("expected named keys of printable ASCII characters without spaces")
        if len(set(keys.values())) < len(keys):
            raise ValueError("expected a different key for every name")
        return keys

    @model_validator(mode="after")
    def _open_on_loopback_only(self) -> Self:
        if not self.api_keys and not _is_loopback(self.host):
            raise ValueError(
                f"MODEL_SERVER_API_KEYS is empty and MODEL_SERVER_HOST is {self.host!r}: "
                "without keys only a loopback address may be listened on"
            )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
