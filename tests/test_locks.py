"""Locks: never stale, and installable from wheels alone where images are baked."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.roles import ROLES

ROOT = Path(__file__).parents[1]
LOCKS = sorted(path.relative_to(ROOT) for path in ROOT.glob("services/*/*.lock"))
PIN = re.compile(r"^([\w.-]+)==(\S+)(?: ; ([^\\\n]+))? \\$", re.MULTILINE)
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
"""Finds uv where the tests' own environment has it."""


def test_every_role_has_a_lock() -> None:
    assert {Path(f"services/{role.name}/requirements.lock") for role in ROLES} < set(LOCKS)


def test_no_lock_is_stale(tmp_path: Path) -> None:
    locks = [*LOCKS, Path("tests/requirements.lock")]
    for name in [Path("Makefile"), Path("pyproject.toml"), *locks, *ROOT.glob("services/*/role.py")]:
        copy = tmp_path / (name.relative_to(ROOT) if name.is_absolute() else name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)
    subprocess.run(["make", "lock"], cwd=tmp_path, env=os.environ | {"PATH": PATH}, check=True)
    stale = [str(lock) for lock in locks if (tmp_path / lock).read_text() != (ROOT / lock).read_text()]
    assert not stale, "run `make lock` and commit what it changes"


@pytest.mark.parametrize("platform", ["x86_64-manylinux_2_28", "aarch64-manylinux_2_28"])
@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_every_lock_installs_from_wheels_alone(lock: Path, platform: str, tmp_path: Path) -> None:
    wheels = ("--require-hashes", "--only-binary", ":all:", "--python-version", "3.12")
    resolved = subprocess.run(
        [
            "uv",
            "pip",
            "install",
            "--dry-run",
            *wheels,
            "--python-platform",
            platform,
            "--target",
            tmp_path,
            "-r",
            ROOT / lock,
        ],
        env=os.environ | {"PATH": PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    assert resolved.returncode == 0, resolved.stderr
    assert "Would install" in resolved.stderr


def test_no_package_stands_in_two_locks_with_two_versions() -> None:
    """A package may have one version a Python (`name==1 ; marker`), but the same in every lock."""
    versions: dict[tuple[str, str], set[str]] = {}
    for lock in LOCKS:
        for name, version, marker in PIN.findall((ROOT / lock).read_text()):
            versions.setdefault((name, marker), set()).add(version)
    assert len(versions) > 100
    assert [pin for pin, found in versions.items() if len(found) > 1] == []
