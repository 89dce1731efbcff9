"""A clean copy of the checkout with the platform up in it, on free ports."""

import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.roles import ROLES

ROOT = Path(__file__).parents[2]
PORTS = ("MLFLOW_PORT", "AIRFLOW_PORT", "MODEL_SERVER_PORT", "DASHBOARD_PORT", "PREDICTION_API_PORT")


@dataclass(frozen=True)
class Platform:
    """A checkout in which `make up` ran: what it printed, the seconds it took, what `make env` exports."""

    folder: Path
    environment: dict[str, str]
    printed: str
    seconds: float
    exports: dict[str, str]

    def make(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `make` in the checkout, as a person would in a fresh shell."""
        return make(self.folder, self.environment | more, *arguments)

    def pids(self) -> dict[str, int]:
        """The process of each service that `make status` shows."""
        names = {service.name for role in ROLES for service in role.services}
        rows = [line.split() for line in self.make("status").stdout.splitlines()]
        return {row[0]: int(row[3]) for row in rows if row[0] in names}


def make(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make without a terminal; what it printed is in stdout and stderr."""
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def copy_checkout(folder: Path) -> Path:
    """Copy what git would carry (and what it does not know yet) into a new folder."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(server.getsockname()[1]) for server in servers]
    for server in servers:
        server.close()
    return ports


@pytest.fixture(scope="session")
def shell() -> dict[str, str]:
    """A fresh shell: nothing of the tests' own environment, such as its uv, but where packages are kept."""
    kept = ("HOME", "LANG", "PIP_CERT", "SSL_CERT_FILE", "UV_CACHE_DIR", "XDG_CACHE_HOME")
    path = [each for each in os.environ["PATH"].split(os.pathsep) if not Path(each).is_relative_to(ROOT)]
    return {"PATH": os.pathsep.join(path)} | {key: os.environ[key] for key in kept if key in os.environ}


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, shell: dict[str, str]) -> Iterator[Platform]:
    """The platform, brought up once for all tests here and taken down after them."""
    folder = copy_checkout(tmp_path_factory.mktemp("one machine"))
    environment = shell | {key: str(port) for key, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    began = time.monotonic()
    up = make(folder, environment, "up")
    try:
        seconds = time.monotonic() - began
        assert up.returncode == 0, up.stdout + up.stderr
        printed = make(folder, shell, "env")
        assert printed.returncode == 0, printed.stderr
        words = (shlex.split(line)[1] for line in printed.stdout.splitlines())
        exports = dict(word.split("=", 1) for word in words)
        yield Platform(folder, shell, up.stdout, seconds, exports)
    finally:
        make(folder, shell, "down")
