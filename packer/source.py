"""What a bake takes from this checkout: `python -m packer.source ROLE` writes dist/images/ROLE/…

- `source.tar`: the code, without tests and caches, from which the role is installed;
- `bake.pkrvars.json`: Packer's variables, which say what is baked.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
ROOMS = ("services", "frontend", "packer/provision")
_TESTS = ("test_*.py", "*_for_tests.py", "conftest.py")


def roles() -> list[str]:
    """A role is a folder with a role.py."""
    return sorted(path.parent.name for path in REPOSITORY.glob("services/*/role.py"))


def folder(role: str) -> Path:
    """Where everything about the role's image lies."""
    return REPOSITORY / "dist/images" / role


def facts(role: str) -> dict[str, str]:
    """What the image is made of: role, version, commit, and the digest of its two locks."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    locks = [REPOSITORY / "services" / room / "requirements.lock" for room in (role, "boot")]
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    return {
        "role": role,
        "version": project["version"],
        "commit": _git("describe", "--always", "--abbrev=40", "--dirty=-changed").strip(),
        "lock": f"sha256:{digest}",
    }


def write(role: str) -> Path:
    """Write both files; returns Packer's variables.

    Raises: ValueError: for no role of this repository.
    """
    known_roles = roles()
    if role not in known_roles:
        raise ValueError(
            f"ROLE is {role!r}: one of {', '.join(known_roles)} is expected. Remedy: ROLE={known_roles[0]}"
        )
    target = folder(role)
    target.mkdir(parents=True, exist_ok=True)
    known = json.dumps(facts(role), indent=2)
    with tarfile.open(target / "source.tar", "w") as archive:
        for name in _files():
            archive.add(REPOSITORY / name, name, filter=_anonymous)
        entry = tarfile.TarInfo("facts.json")
        entry.size = len(known)
        archive.addfile(entry, io.BytesIO(known.encode()))
    variables = target / "bake.pkrvars.json"
    variables.write_text(known)
    return variables


def _files() -> list[str]:
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *ROOMS).split("\0")
    tests = {name for name in listed if any(Path(name).match(pattern) for pattern in _TESTS)}
    # Some links lead somewhere only on an image; what git knows and is deleted here is left out.
    return sorted(name for name in set(listed) - tests if name and os.path.lexists(REPOSITORY / name))


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(REPOSITORY), *arguments], check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    try:
        print(write(*sys.argv[1:]))
    except ValueError as error:
        sys.exit(str(error))
