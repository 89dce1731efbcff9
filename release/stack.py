"""The stack's zip: `python -m release.stack` writes dist/mlops-stack.zip and prints path, size and SHA-256.

The same commit gives the same bytes: entries are sorted, their times are the commit's, their modes fixed.
"""

import hashlib
import json
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
TARGET = REPOSITORY / "dist/mlops-stack.zip"
LIMIT = 11 * 1024 * 1024
"""What Resource Manager takes."""

CHANGED = "-changed"
"""What the commit of a release ends in where files differ from it."""

_ROOM = "resource-manager"
_SUFFIXES = (".tf", ".yaml")
_TESTS = ("test_*.py", "*_for_tests.py", "conftest.py")
_MODE = 0o100644 << 16


def contents() -> dict[str, bytes]:
    """Every file of the zip by its name there: the stack, the DAGs, and which release it is."""
    stack = {name.removeprefix(f"{_ROOM}/"): name for name in _listed(_ROOM) if name.endswith(_SUFFIXES)}
    dags = {
        name: name
        for name in _listed("dags")
        if name.endswith(".py") and not any(Path(name).match(pattern) for pattern in _TESTS)
    }
    files = {name: (REPOSITORY / source).read_bytes() for name, source in {**stack, **dags}.items()}
    return {**files, "release.json": json.dumps(release(), indent=2).encode() + b"\n"}


def write(files: Mapping[str, bytes], seconds: int, target: Path = TARGET) -> Path:
    """Write the zip, with a checksum file beside it; `seconds` is the time of every entry.

    Raises: ValueError: for a zip that Resource Manager would refuse.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    moment = time.gmtime(seconds)[:6]
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, moment)
            entry.create_system, entry.external_attr = 3, _MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    if (size := target.stat().st_size) >= LIMIT:
        raise ValueError(
            f"{target} has {size} bytes: fewer than {LIMIT} are expected. Remedy: leave out what is big."
        )
    target.with_suffix(".zip.sha256").write_text(f"{checksum(target)}  {target.name}\n")
    return target


def checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def commit_time() -> int:
    return int(_git("log", "-1", "--format=%ct"))


def tags() -> list[str]:
    """Those of this commit."""
    return _git("tag", "--points-at", "HEAD").split()


def release() -> dict[str, str]:
    """The version and the commit of this checkout; one that is changed says so."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    commit = _git("describe", "--always", "--exclude=*", "--abbrev=40", f"--dirty={CHANGED}").strip()
    return {"version": project["version"], "commit": commit}


def _listed(folder: str) -> list[str]:
    names = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder).split("\0")
    # What git knows and is deleted here is left out.
    return sorted(name for name in set(names) if name and (REPOSITORY / name).is_file())


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(REPOSITORY), *arguments], check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    try:
        made = write(contents(), commit_time())
    except ValueError as error:
        sys.exit(str(error))
    print(f"{made.relative_to(REPOSITORY)}  {made.stat().st_size} bytes  sha256:{checksum(made)}")
