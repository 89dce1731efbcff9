"""The `oci` command, which Resource Manager's runner has: in an environment of its own, made if missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / ".local/venvs/oci-cli"
_INSTALL_SECONDS = 300


def cli() -> Path | None:
    """Where the command is: as MLOPS_OCI says, in the environment of its own, or on PATH."""
    for found in (os.environ.get("MLOPS_OCI"), str(_FOLDER / "bin/oci"), shutil.which("oci")):
        if found and Path(found).exists():
            return Path(found)
    return None


def install() -> Path | None:
    """The command, installed from the package index when it is nowhere; None where that cannot be."""
    if found := cli():
        return found
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        return None
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(_FOLDER)],
        [uv, "pip", "install", "--quiet", "--python", str(_FOLDER / "bin/python"), "oci-cli"],
    ):
        if subprocess.run(command, check=False, timeout=_INSTALL_SECONDS).returncode:
            shutil.rmtree(_FOLDER, ignore_errors=True)
            return None
    return cli()
