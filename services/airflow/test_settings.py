import json

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.airflow.environment import environment
from services.airflow.settings import AirflowSettings
from services.settings import EX_CONFIG, sentences

FERNET_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="  # pragma: allowlist secret
GOOD = {
    "AIRFLOW_HOME": "/var/lib/airflow",
    "AIRFLOW_DAGS_FOLDER": "/srv/dags",
    "AIRFLOW_DATABASE_URI": "sqlite:////var/lib/airflow.db",
    "AIRFLOW_ADMIN_PASSWORD": "password-of-the-admin",
    "AIRFLOW_SECRET_KEY": "key-of-the-sessions",
    "AIRFLOW_JWT_SECRET": "secret-of-the-tokens",
    "AIRFLOW_FERNET_KEY": FERNET_KEY,
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000",
    "MLFLOW_TRACKING_USERNAME": "airflow",
    "MLFLOW_TRACKING_PASSWORD": "password-of-airflow",
    "MODEL_SERVER_URL": "http://127.0.0.1:8000",
}
SECRETS = tuple(value for key, value in GOOD.items() if key.endswith(("PASSWORD", "KEY", "SECRET")))


def settings(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> AirflowSettings:
    for key, value in {**GOOD, **changes}.items():
        if value is None:
            monkeypatch.delenv(key, raising=False)
        else:
            monkeypatch.setenv(key, value)
    return AirflowSettings()


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("AIRFLOW_HOME", None, "AIRFLOW_HOME is not set"),
        ("AIRFLOW_HOME", "var/airflow", "an absolute path is expected"),
        ("AIRFLOW_PORT", "0", "AIRFLOW_PORT is '0'"),
        ("AIRFLOW_PARALLELISM", "none", "AIRFLOW_PARALLELISM is 'none'"),
        ("AIRFLOW_DATABASE_URI", "sqlite:///airflow.db", "with an absolute path for SQLite"),
        ("AIRFLOW_BUCKET", "mlops", "expected oci://bucket@namespace/prefix"),
        ("AIRFLOW_FERNET_KEY", "short", "a Fernet key is expected"),
        ("AIRFLOW_ADMIN_PASSWORD", "short", "at least 12 characters"),
        ("MLFLOW_TRACKING_URI", "localhost", "MLFLOW_TRACKING_URI is 'localhost'"),
        ("MODEL_SERVER_URL", None, "MODEL_SERVER_URL is not set"),
    ],
)
def test_a_bad_value_is_told_in_one_sentence_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str | None, expected: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(monkeypatch, **{key: value})
    (sentence,) = sentences(AirflowSettings, caught.value)
    assert sentence.startswith(key)
    assert expected in sentence
    assert "Remedy: " in sentence


def test_no_sentence_and_no_representation_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = repr(settings(monkeypatch))
    with pytest.raises(ValidationError) as caught:
        settings(monkeypatch, AIRFLOW_HOME=None, AIRFLOW_FERNET_KEY="wrong-and-secret")
    shown += "".join(sentences(AirflowSettings, caught.value))
    assert not [secret for secret in (*SECRETS, "wrong-and-secret") if secret in shown]


def test_bad_settings_end_the_service_with_ex_config(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(monkeypatch)
    monkeypatch.delenv("AIRFLOW_HOME")
    with pytest.raises(SystemExit) as caught:
        AirflowSettings.load()
    assert caught.value.code == EX_CONFIG
    assert "AIRFLOW_HOME is not set" in capsys.readouterr().err


@given(key=st.text(max_size=60).filter(lambda text: "\0" not in text and text.isprintable()))
def test_any_text_is_a_fernet_key_or_is_refused_as_one(key: str) -> None:
    try:
        AirflowSettings.model_validate({**GOOD, "AIRFLOW_FERNET_KEY": key})
    except ValidationError as error:
        told = sentences(AirflowSettings, error)
    else:
        told = []
        Fernet(key)
    assert all("a Fernet key is expected" in sentence for sentence in told)


def test_tasks_reach_a_server_that_listens_on_any_address_over_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variables = environment(settings(monkeypatch, AIRFLOW_HOST="0.0.0.0", AIRFLOW_PORT="8099"))  # noqa: S104
    assert variables["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8099/execution/"
    assert variables["AIRFLOW__API__HOST"] == "0.0.0.0"  # noqa: S104


def test_the_public_address_is_the_one_that_people_use(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = environment(settings(monkeypatch, AIRFLOW_BASE_URL="https://airflow.example.org/"))
    assert variables["AIRFLOW__API__BASE_URL"] == "https://airflow.example.org/"
    assert variables["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8080/execution/"


def test_dags_come_from_a_folder_or_from_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
    (local,) = json.loads(environment(settings(monkeypatch))[key])
    assert local["kwargs"] == {"path": "/srv/dags"}
    variables = environment(settings(monkeypatch, AIRFLOW_BUCKET="oci://mlops@space"))
    (bundle,) = json.loads(variables[key])
    assert bundle["kwargs"] == {"uri": "oci://mlops@space/dags", "refresh_interval": 15}
    assert variables["AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER"] == "oci://mlops@space/logs"
