import pytest

from services.mlflow.settings import TrackingServerSettings
from services.settings import EX_CONFIG

_GOOD = {
    "MLFLOW_BACKEND_STORE_URI": "sqlite:////state/mlflow.db",
    "MLFLOW_AUTH_DATABASE_URI": "sqlite:////state/users.db",
    "MLFLOW_ARTIFACTS_DESTINATION": "/state/artifacts",
    "MLFLOW_ADMIN_PASSWORD": "admin-admin-admin",
    "MLFLOW_SECRET_KEY": "secret-key-of-the-server",
    "MLFLOW_AIRFLOW_PASSWORD": "airflow-airflow",
    "MLFLOW_MODEL_SERVER_PASSWORD": "model-model-model",
    "MLFLOW_DASHBOARD_PASSWORD": "dashboard-dashboard",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in _GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_hosts_and_origins_are_comma_separated_lists(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MLFLOW_ALLOWED_HOSTS", "mlflow.example.org, 192.0.2.7:5000,[2001:db8::1]:*,")
    environment.setenv("MLFLOW_ALLOWED_ORIGINS", "https://mlflow.example.org,http://192.0.2.7:5000")
    settings = TrackingServerSettings.load()
    assert settings.allowed_hosts == ("mlflow.example.org", "192.0.2.7:5000", "[2001:db8::1]:*")
    assert settings.allowed_origins == ("https://mlflow.example.org", "http://192.0.2.7:5000")


def test_no_service_has_another_ones_password(environment: pytest.MonkeyPatch) -> None:
    passwords = TrackingServerSettings.load().service_passwords
    assert {name: password.get_secret_value() for name, password in passwords.items()} == {
        "airflow": "airflow-airflow",
        "model-server": "model-model-model",
        "dashboard": "dashboard-dashboard",
    }


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("MLFLOW_ALLOWED_HOSTS", "*", "'*' is no host name"),
        ("MLFLOW_ALLOWED_HOSTS", "mlflow.example.org,*", "'*' is no host name"),
        ("MLFLOW_ALLOWED_HOSTS", "*:5000", "'*:5000' is no host name"),
        ("MLFLOW_ALLOWED_HOSTS", "https://mlflow.example.org", "is no host name"),
        ("MLFLOW_ALLOWED_ORIGINS", "*", "'*' is no origin"),
        ("MLFLOW_ALLOWED_ORIGINS", "mlflow.example.org", "is no origin"),
        ("MLFLOW_ALLOWED_ORIGINS", "https://mlflow.example.org/", "is no origin"),
        ("MLFLOW_BACKEND_STORE_URI", "sqlite:///relative.db", "an absolute path"),
        ("MLFLOW_AUTH_DATABASE_URI", "/state/users.db", "an absolute path"),
        ("MLFLOW_AUTH_DATABASE_URI", "sqlite:////state/mlflow.db", "must differ"),
        ("MLFLOW_ADMIN_USERNAME", "airflow", "not a service's"),
        ("MLFLOW_PORT", "70000", "less than or equal to 65535"),
    ],
)
def test_a_bad_value_is_refused_with_a_sentence(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str, value: str, expected: str
) -> None:
    environment.setenv(key, value)
    with pytest.raises(SystemExit) as exit_:
        TrackingServerSettings.load()
    sentence = capsys.readouterr().err
    assert exit_.value.code == EX_CONFIG
    assert expected in sentence
    assert "Remedy: " in sentence


def test_a_short_password_is_refused_and_not_shown(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("MLFLOW_ADMIN_PASSWORD", "tooshort")
    with pytest.raises(SystemExit):
        TrackingServerSettings.load()
    sentence = capsys.readouterr().err
    assert "MLFLOW_ADMIN_PASSWORD" in sentence
    assert "12 characters" in sentence
    assert "tooshort" not in sentence
