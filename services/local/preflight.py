"""What must be true before anything is installed; runs on any Python 3, with nothing but its library."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

PYTHON = (3, 11)
DISK_MB = 3000
"""The three roles' environments take 1.8 GB, the first runs' databases and logs some more."""


def problems(root: str, environ: "Mapping[str, str]") -> "list[str]":
    """Return a sentence for each reason why the platform cannot be installed in `root`."""
    found = []
    if sys.version_info < PYTHON:
        found.append(
            f"PYTHON is {sys.executable}, version {sys.version.split()[0]}: "
            f"expected {PYTHON[0]}.{PYTHON[1]} or newer. "
            "Remedy: install one and run `make up PYTHON=python3.12` with its name."
        )
    elif shutil.which("uv") is None and importlib.util.find_spec("ensurepip") is None:
        found.append(
            f"PYTHON is {sys.executable}: expected one with the module ensurepip, to make environments. "
            "Remedy: `apt-get install python3-venv` (Debian, Ubuntu), or put uv on PATH."
        )
    wanted = environ.get("MLOPS_DISK_MB", str(DISK_MB))
    free = shutil.disk_usage(root).free // 2**20
    if not wanted.isdigit():
        found.append(f"MLOPS_DISK_MB is {wanted!r}: expected whole megabytes. Remedy: unset it.")
    elif free < int(wanted):
        found.append(
            f"Free disk space is {free} MB at {root}: expected {wanted} MB or more (MLOPS_DISK_MB). "
            "Remedy: free some, or clone to a larger disk."
        )
    return found


if __name__ == "__main__":
    sentences = problems(str(Path.cwd()), os.environ)
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    sys.exit(1 if sentences else 0)
