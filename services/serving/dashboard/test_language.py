import ast
import re
import string
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.serving.dashboard.connection import Problem
from services.serving.dashboard.language import NAMES, Language, escaped, preferred, texts

ROOM = Path(__file__).parent
_TABLE = re.compile(r"[a-z]+\.[a-z_]*")


def test_the_catalogs_have_the_same_keys_and_the_same_values_in_each_text() -> None:
    holes = {code: {key: _holes(text) for key, text in texts(code).items()} for code in NAMES}
    assert holes["en"] == holes["pt"]


def test_every_text_is_used_and_every_key_used_is_in_the_catalogs() -> None:
    used, prefixes = _used()
    known = set(texts("en"))
    assert used <= known
    assert all(any(_fits(key, prefix) for key in known) for prefix in prefixes)
    unused = {key for key in known - used if not any(_fits(key, prefix) for prefix in prefixes)}
    assert not unused


@pytest.mark.parametrize(
    ("locale", "code"),
    [("pt-BR", "pt"), ("pt", "pt"), ("en-GB", "en"), ("de-DE", "en"), (None, "en"), ("", "en")],
)
def test_the_browsers_locale_chooses_the_language(locale: str | None, code: str) -> None:
    assert preferred(locale) == code


def test_a_columns_name_is_in_the_language_or_the_models_own() -> None:
    assert Language("pt").column("petal_length") == "Comprimento da pétala"
    assert Language("pt").column("alcohol_content") == "Alcohol content"


@pytest.mark.parametrize(
    ("value", "digits", "english", "portuguese"),
    [
        (0.97333, 3, "0.973", "0,973"),
        (1234.5, 3, "1,234.5", "1.234,5"),
        (100, 0, "100", "100"),
        (1.0, 3, "1", "1"),
    ],
)
def test_numbers_are_written_as_the_reader_does(
    value: float, digits: int, english: str, portuguese: str
) -> None:
    assert Language("en").number(value, digits) == english
    assert Language("pt").number(value, digits) == portuguese


def test_a_moment_is_in_the_readers_zone_and_words() -> None:
    when = datetime(2026, 2, 3, 12, 5, tzinfo=UTC)
    assert Language("en").moment(when, UTC) == "3 Feb 2026, 12:05"
    assert Language("pt").moment(when, ZoneInfo("America/Sao_Paulo")) == "3 fev 2026, 09:05"


def test_others_words_are_no_markdown() -> None:
    detail = "![x](http://example.test/x.png)"
    said = Language("en").problem(Problem("problem.missing", service="mlflow", detail=detail))
    assert "![x]" not in said
    assert said.startswith("MLflow does not have")


@given(st.text())
def test_escaping_loses_no_character(text: str) -> None:
    assert re.sub(r"\\(.)", r"\1", escaped(text), flags=re.DOTALL) == text


def _holes(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _fits(key: str, prefix: tuple[str, str]) -> bool:
    return key.startswith(prefix[0]) and key.endswith(prefix[1]) and key != "".join(prefix)


def _used() -> tuple[set[str], set[tuple[str, str]]]:
    """Keys written out in the code, and (start, end) of those that are put together there."""
    keys = set(texts("en"))
    used: set[str] = set()
    prefixes: set[tuple[str, str]] = set()
    for path in ROOM.rglob("*.py"):
        if path.name.startswith("test_"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("say"), args=[ast.Constant(str(key)), *_]):
                    used.add(key)
                case ast.Call(func=ast.Attribute(attr="plain"), args=[ast.Constant(str(key)), *_]):
                    used.add(key)
                case ast.Call(func=ast.Name(), args=[ast.Constant(str(key)), *_]) if key in keys:
                    used.add(key)
                case ast.JoinedStr(values=[ast.Constant(str(start)), *rest]) if _TABLE.fullmatch(start):
                    end = rest[-1].value if isinstance(rest[-1], ast.Constant) else ""
                    prefixes.add((start, str(end)))
    return used, prefixes
