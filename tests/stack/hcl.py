"""Terraform's language, as far as its blocks and the names in them: expressions stay text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

STACK = Path(__file__).parents[2] / "resource-manager"

_LINE_END = re.compile(r"[^\n]*")
_HEAD = re.compile(r'\s*([A-Za-z_][\w-]*)((?:\s+"[^"]*")*)\s*(=(?!=)|\{)')
_OPENING, _CLOSING = "([{", ")]}"


@dataclass
class Block:
    """One block: its type and labels, its attributes as text, and the blocks in it."""

    type: str
    labels: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)

    def of(self, kind: str) -> list["Block"]:
        return [block for block in self.blocks if block.type == kind]


def stack() -> Block:
    """All files of the stack as one."""
    whole = Block("stack")
    for file in sorted(STACK.glob("*.tf")):
        whole.blocks += parse(file.read_text()).blocks
    return whole


def parse(text: str) -> Block:
    """Raises: ValueError: where it is no sequence of attributes and blocks."""
    root = Block("file")
    end = _body(_without_comments(text), 0, root)
    if end != len(_without_comments(text)):
        raise ValueError(f"unexpected end at {end}")
    return root


def literal(text: str) -> str:
    """The text in a quoted string."""
    if not (text.startswith('"') and text.endswith('"')):
        raise ValueError(f"{text} is no literal string")
    return text[1:-1]


def _body(text: str, at: int, into: Block) -> int:
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text) or text[at] == "}":
            return at
        head = _HEAD.match(text, at)
        if head is None:
            raise ValueError(f"neither attribute nor block: {text[at : at + 60]!r}")
        name, labels = head[1], tuple(re.findall(r'"([^"]*)"', head[2]))
        if head[3] == "=":
            end = _expression_end(text, head.end())
            into.attributes[name] = text[head.end() : end].strip()
            at = end
        else:
            block = Block(name, labels)
            at = _body(text, head.end(), block) + 1
            into.blocks.append(block)


def _expression_end(text: str, at: int) -> int:
    depth = 0
    for position, character in _code(text, at):
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            if depth == 0:
                return position
            depth -= 1
        elif character == "\n" and depth == 0:
            return position
    return len(text)


def _code(text: str, at: int) -> Iterator[tuple[int, str]]:
    """The characters from here on that are in no string."""
    while at < len(text):
        if text[at] == '"':
            at = _string_end(text, at)
        else:
            yield at, text[at]
            at += 1


def _string_end(text: str, at: int) -> int:
    """Behind the string that begins here, with the templates in it."""
    at += 1
    while text[at] != '"':
        if text.startswith("${", at):
            depth = 0
            for position, character in _code(text, at + 1):
                depth += (character in _OPENING) - (character in _CLOSING)
                if depth == 0:
                    at = position
                    break
        elif text[at] == "\\":
            at += 1
        at += 1
    return at + 1


def _without_comments(text: str) -> str:
    kept, before = [], 0
    position = 0
    while position < len(text):
        if text[position] == '"':
            position = _string_end(text, position)
        elif text[position] == "#":
            kept.append(text[before:position])
            end = _LINE_END.match(text, position)
            position = before = end.end() if end else len(text)
        else:
            position += 1
    return "".join((*kept, text[before:]))
