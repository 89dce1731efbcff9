"""Settings of the prediction API."""

from pydantic import Field, HttpUrl, field_validator

from services.settings import SecretStr, Settings


class PredictionApiSettings(Settings):
    """What `python -m services.serving.prediction_api` needs to know."""

    host: str = Field(
        "127.0.0.1", alias="PREDICTION_API_HOST", min_length=1, description="give an address of this machine"
    )
    port: int = Field(8081, alias="PREDICTION_API_PORT", ge=1, le=65535, description="give a free port")
    proxies: int = Field(
        0,
        alias="PREDICTION_API_PROXIES",
        ge=0,
        le=8,
        description="give the number of proxies in front whose X-Forwarded-* headers are believed",
    )
    model: str = Field(
        "iris-classifier",
        alias="PREDICTION_API_MODEL",
        min_length=1,
        description="give the name of a registered model",
    )
    model_server_url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:8000"),
        alias="MODEL_SERVER_URL",
        description="give the model server's URL, such as http://127.0.0.1:8000",
    )
    model_server_api_key: SecretStr | None = Field(
        None,
        alias="MODEL_SERVER_API_KEY",
        description="give one of the model server's keys, in printable ASCII, or nothing",
    )

    @field_validator("model_server_api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value() if key else ""
        if not (text.isascii() and (text.isprintable())) or text != text.strip():
            raise ValueError("a key that fits into a header is expected")
        return key if text else None
