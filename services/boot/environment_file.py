"""systemd's environment files: written whole or not at all, and read back."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

MODE = 0o640
# In double quotes every systemd takes a backslash before these for a mere escape (systemd.exec(5)).
_SPECIAL = re.compile(r'(["\\`$])')
_ESCAPED = re.compile(r'\\(["\\`$])')
_LINE = re.compile(r'^([A-Z_][A-Z0-9_]*)="(.*)"$', re.MULTILINE)


def text(variables: Mapping[str, str]) -> str:
    """The file's content.

    Raises:
        ValueError: for a value with characters that no line can hold, which is not shown.
    """
    for name, value in variables.items():
        if not value.isprintable():
            raise ValueError(f"{name} has characters that cannot be printed")
    quoted = {name: _SPECIAL.sub(r"\\\1", value) for name, value in variables.items()}
    return "".join(f'{name}="{value}"\n' for name, value in quoted.items())


def read(path: Path) -> dict[str, str]:
    """The variables of a file that was written here; none when there is no such file."""
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return {name: _ESCAPED.sub(r"\1", value) for name, value in _LINE.findall(content)}


def write(path: Path, variables: Mapping[str, str]) -> bool:
    """Put the variables in the file, atomically, for its folder's group; says whether anything changed."""
    content = text(variables)
    folder = path.parent
    group = folder.stat().st_gid
    if path.exists() and path.read_text(encoding="utf-8") == content:
        status = path.stat()
        if status.st_mode & 0o777 == MODE and status.st_gid == group:
            return False
    new = folder / f".{path.name}.new"
    new.unlink(missing_ok=True)  # a crash may have left it behind
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123
        stream.write(content)
        stream.flush()
        os.fchown(descriptor, -1, group)
        os.fchmod(descriptor, MODE)
        os.fsync(descriptor)
    new.replace(path)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return True
