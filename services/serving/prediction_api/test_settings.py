import pytest

from services.serving.prediction_api.settings import PredictionApiSettings
from services.settings import EX_CONFIG


def test_defaults_serve_the_machine_itself() -> None:
    settings = PredictionApiSettings.load()
    assert (settings.host, settings.port, settings.proxies) == ("127.0.0.1", 8081, 0)
    assert settings.model_server_api_key is None


def test_an_empty_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_SERVER_API_KEY", "")
    assert PredictionApiSettings.load().model_server_api_key is None


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("PREDICTION_API_PORT", "0", "is '0'"),
        ("PREDICTION_API_PORT", "http", "is 'http'"),
        ("PREDICTION_API_PROXIES", "-1", "is '-1'"),
        ("PREDICTION_API_MODEL", "", "is ''"),
        ("MODEL_SERVER_URL", "127.0.0.1:8000", "is '127.0.0.1:8000'"),
        ("MODEL_SERVER_API_KEY", "clé", "(not shown)"),
        ("MODEL_SERVER_API_KEY", "two\nlines", "(not shown)"),
    ],
)
def test_a_bad_value_is_one_sentence(
    key: str,
    value: str,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(key, value)
    with pytest.raises(SystemExit) as caught:
        PredictionApiSettings.load()
    [sentence] = capsys.readouterr().err.splitlines()
    assert caught.value.code == EX_CONFIG
    assert sentence.startswith(key)
    assert shown in sentence
    assert "Remedy: give " in sentence
