"""`python -m packer.local ROLE`: bakes an image with Packer, but no cloud, into dist/images/ROLE/root."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from packer import machine, source

TEMPLATE = "packer/local.pkr.hcl"
CACHES = {"PIP_CACHE_DIR": Path("~/.cache/pip"), "UV_CACHE_DIR": Path("~/.cache/uv")}
"""What would be downloaded for every image, by the variable that says where it is kept."""

_TOOLS = {
    "debootstrap": "debootstrap",
    "packer": "packer",
    "ssh-keygen": "openssh-client",
    "systemd-nspawn": "systemd-container",
}
_PASSED_ON = re.compile(r"(PIP|UV)_\w+|SSL_CERT_(FILE|DIR)|(https?|no|all)_proxy", re.IGNORECASE)
"""How packages are reached from here; a machine on this network has to reach them the same way."""


class Unable(Exception):
    """A sentence: what is missing here, and the remedy."""


def bake(role: str) -> Path:
    """Bake one image; returns its root. What fails its specs lies beside it, as root.unfinished.

    Raises:
        Unable: when this machine cannot bake.
        ValueError: for no role of this repository.
        subprocess.CalledProcessError: when Packer fails; it has said why.
    """
    require()
    variables = source.write(role)
    root = source.folder(role) / "root"
    unfinished = root.with_suffix(".unfinished")
    machine.remove(root)
    machine.copy(machine.base_root(), unfinished)
    environment, lent = passed_on(os.environ)
    shared = {}
    for name, default in CACHES.items():
        cache = Path(os.environ.get(name, default)).expanduser()
        cache.mkdir(parents=True, exist_ok=True)
        shared[cache] = f"/run/bake/{name}"
        environment.append(f"{name}={shared[cache]}")
    with machine.booted(unfinished, lent, shared) as booted:
        build = [f"-var-file={variables}", "-var", f"ssh_port={booted.port}", "-var", f"ssh_key={booted.key}"]
        build += ["-var", f"environment={json.dumps(environment)}"]
        subprocess.run(
            ["packer", "build", "-color=false", *build, TEMPLATE],
            cwd=source.REPOSITORY,
            env={**os.environ, "CHECKPOINT_DISABLE": "1"},
            check=True,
        )
    unfinished.rename(root)
    return root


def require() -> None:
    """Raises: Unable: when a tool is missing, or the rights to boot a machine."""
    if missing := [package for tool, package in _TOOLS.items() if not shutil.which(tool)]:
        raise Unable(f"Baking here needs tools that are missing. Remedy: apt-get install {' '.join(missing)}")
    if os.geteuid():
        raise Unable("Baking here boots a machine, which only root may do. Remedy: run it with sudo.")


def passed_on(environment: Mapping[str, str]) -> tuple[list[str], dict[Path, str]]:
    """`NAME=value` for the machine, and the files and folders here that they name → where it sees them.

    Caches are not among them: whoever lends one says where.
    """
    lines: list[str] = []
    lent: dict[Path, str] = {}
    for name, value in environment.items():
        if name in CACHES or not _PASSED_ON.fullmatch(name):
            continue
        path = Path(value)
        if path.is_absolute() and path.exists():
            lent[path] = value = lent.get(path, f"/run/bake/{name}")
        lines.append(f"{name}={value}")
    return lines, lent


if __name__ == "__main__":
    try:
        print(f"baked {bake(*sys.argv[1:])}")
    except (Unable, ValueError) as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
