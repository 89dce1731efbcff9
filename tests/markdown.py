"""Reads the documents: their links, headings, tables, and what is marked as code."""

import re
from pathlib import Path

_FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[(?:!\[[^\]]*\]\((?P<picture>[^)\s]+)\)|[^\[\]]*)\]\((?P<target>[^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")


def prose(text: str) -> str:
    """Without the fenced blocks."""
    return _FENCE.sub("", text)


def spans(text: str) -> list[str]:
    """What stands between backticks in a line."""
    return _SPAN.findall(prose(text))


def fences(text: str) -> list[tuple[str, str]]:
    """The fenced blocks: language and content."""
    return _FENCE.findall(text)


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return [body for name, body in fences(document.read_text()) if name == language]


def commands(block: str) -> list[str]:
    """The lines of a shell block without their comments."""
    return [line.split("  #")[0].strip() for line in block.splitlines() if line.strip()]


def links(text: str) -> list[str]:
    """Targets of links and pictures, in order."""
    found = (match for match in _LINK.finditer(prose(text)))
    return [target for match in found for target in (match["picture"], match["target"]) if target]


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table(text: str, first: str) -> list[list[str]]:
    """The rows of the table whose first column has this heading.

    Raises: ValueError: when there is none.
    """
    _, heading, after = text.partition(f"\n| {first} |")
    if not heading:
        raise ValueError(f"no table begins with a column {first}")
    rows = after.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.removeprefix("|").removesuffix("|").split("|")] for row in rows]
