"""Texts, numbers and dates in the reader's language; one catalog a language in `texts/`."""

import tomllib
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path

from services.serving.dashboard.connection import Problem

TEXTS = Path(__file__).parent / "texts"
_MARKS = frozenset("\\`*_[]<>#|~$:&!")
NAMES = {"en": "English", "pt": "Português"}


class Language:
    """`say("overview.title")` is the text in this language; `{name}` in it is filled from the arguments."""

    def __init__(self, code: str) -> None:
        self.code = code
        self._texts = texts(code)

    def __call__(self, key: str, /, **values: object) -> str:
        """The text as Markdown; the values are others' words and stay plain in it."""
        return self.plain(key, **{name: escaped(str(value)) for name, value in values.items()})

    def problem(self, problem: Problem) -> str:
        """The problem as Markdown, the service in it by its name in this language."""
        service = problem.values.get("service")
        named = {"service": self.plain(f"service.{service}")} if service else {}
        return self(problem.key, **{**problem.values, **named})

    def plain(self, key: str, /, **values: object) -> str:
        """The text for where nothing reads Markdown."""
        text = self._texts[key]
        return text.format_map(values) if values else text

    def column(self, name: str) -> str:
        """A column of a model in words; its own name, made readable, where the catalog has none."""
        return self._texts.get(f"columns.{name}", name.replace("_", " ").capitalize())

    def number(self, value: float, digits: int = 3) -> str:
        """At most `digits` decimals, thousands grouped: 1,234.5 or 1.234,5."""
        text = f"{value:,.{digits}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return text.translate(str.maketrans(",.", ".,")) if self.code == "pt" else text

    def percent(self, share: float) -> str:
        """A share of 1 as a percentage with one decimal, as 97.3%."""
        return f"{self.number(100 * share, 1)}%"

    def moment(self, when: datetime, zone: tzinfo | None) -> str:
        """Date and time to the minute in the reader's time zone."""
        when = when.astimezone(zone)
        month = self("date.months").split()[when.month - 1]
        return self.plain("date.moment", day=when.day, month=month, year=when.year, time=f"{when:%H:%M}")

    def duration(self, seconds: float) -> str:
        """12 s, 3 min 5 s."""
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def escaped(text: str) -> str:
    """Markdown that shows the text as it is; few marks, for labels are read aloud unrendered."""
    return "".join(f"\\{char}" if char in _MARKS else char for char in text)


@cache
def texts(code: str) -> dict[str, str]:
    """The catalog with flat keys: table.name."""
    tables = tomllib.loads((TEXTS / f"{code}.toml").read_text(encoding="utf-8"))
    return {f"{table}.{name}": text for table, entries in tables.items() for name, text in entries.items()}


def preferred(locale: str | None) -> str:
    """The language for a browser's locale, as pt-BR; English where there is none of ours."""
    code = (locale or "").split("-")[0].lower()
    return code if code in NAMES else "en"
