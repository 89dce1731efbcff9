import pytest

from services.serving.model_server.settings import ModelServerSettings
from services.settings import EX_CONFIG

URI = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"}


def load(monkeypatch: pytest.MonkeyPatch, **values: str) -> ModelServerSettings:
    for name in ("MODEL_SERVER_HOST", "MODEL_SERVER_API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (URI | values).items():
        monkeypatch.setenv(name, value)
    return ModelServerSettings.load()


def test_the_tracking_server_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert (settings.host, settings.port, settings.api_keys) == ("127.0.0.1", 8000, {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_a_loopback_address_may_be_open(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert load(monkeypatch, MODEL_SERVER_HOST=host, MODEL_SERVER_API_KEYS=" ").api_keys == {}


def test_keys_are_read_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, MODEL_SERVER_HOST="0.0.0.0", MODEL_SERVER_API_KEYS='{"me": "s3cret"}')  # noqa: S104
    assert settings.api_keys["me"].get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"MODEL_SERVER_HOST": "0.0.0.0"}, "only a loopback address"),  # noqa: S104
        ({"MODEL_SERVER_HOST": "example.org"}, "only a loopback address"),
        ({"MODEL_SERVER_API_KEYS": "s3cret"}, "expected a JSON object"),
        ({"MODEL_SERVER_API_KEYS": '["s3cret"]'}, "expected a JSON object"),
        ({"MODEL_SERVER_API_KEYS": '{"s3cret": 1}'}, "expected a JSON object"),
        ({"MODEL_SERVER_API_KEYS": '{"a": ""}'}, "printable"),
        ({"MODEL_SERVER_API_KEYS": '{"a": "s3cret "}'}, "printable"),
        ({"MODEL_SERVER_API_KEYS": '{"a": "s3cret", "b": "s3cret"}'}, "a different key"),
        ({"MODEL_SERVER_THREADS": "0"}, "MODEL_SERVER_THREADS is '0'"),
        ({"MODEL_SERVER_PORT": "http"}, "MODEL_SERVER_PORT is 'http'"),
        ({"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}, "MLFLOW_TRACKING_URI"),
    ],
)
def test_unusable_settings_are_a_sentence_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], values: dict[str, str], words: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        load(monkeypatch, **values)
    told = capsys.readouterr().err
    assert exit_.value.code == EX_CONFIG
    assert words in told
    assert "Remedy: " in told
    assert "s3cret" not in told
