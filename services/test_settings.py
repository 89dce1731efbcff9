import pytest
from pydantic import Field, SecretStr

from services.settings import Settings


class Example(Settings):
    port: int = Field(alias="EXAMPLE_PORT", description="set EXAMPLE_PORT to a number")
    key: SecretStr = Field(alias="EXAMPLE_KEY", min_length=8, description="generate a longer one")


def failing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **environment: str
) -> list[str]:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SystemExit) as stop:
        Example.load()
    assert stop.value.code == 78
    return capsys.readouterr().err.splitlines()


def test_each_bad_value_is_one_sentence_with_key_value_expected_and_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (sentence,) = failing(monkeypatch, capsys, EXAMPLE_PORT="x", EXAMPLE_KEY="long enough")
    assert sentence.startswith("EXAMPLE_PORT is 'x': Input should be a valid integer")
    assert sentence.endswith("Remedy: set EXAMPLE_PORT to a number.")


def test_a_missing_value_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (sentence,) = failing(monkeypatch, capsys, EXAMPLE_KEY="long enough")
    assert sentence.startswith("EXAMPLE_PORT is not set: ")


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (sentence,) = failing(monkeypatch, capsys, EXAMPLE_PORT="1", EXAMPLE_KEY="hunter2")
    assert "hunter2" not in sentence
    assert sentence.startswith("EXAMPLE_KEY has an unusable value (not shown): ")
