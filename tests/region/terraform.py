"""Terraform as Resource Manager runs it: where it is, and one run of it that can be stopped."""

import functools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

VERSION = "1.5.7"

_BUILT = Path(__file__).parents[2] / ".local/terraform/bin/terraform"
_PROVIDER = Path("plugins/registry.terraform.io/oracle/oci")
_DATA = (Path.home() / ".terraform.d", Path("/usr/share/terraform"), Path("/usr/local/share/terraform"))


@functools.cache
def terraform() -> str | None:
    """The Terraform of the version that Resource Manager runs, or None where there is none."""
    for found in (os.environ.get("MLOPS_TERRAFORM"), str(_BUILT), shutil.which("terraform")):
        if found and Path(found).exists() and _version(found) == VERSION:
            return found
    return None


def provider() -> bool:
    """Whether Terraform's own local mirror has the provider, so that `init` needs no registry."""
    return any(any((folder / _PROVIDER).glob("*/*/*")) for folder in _DATA)


def missing() -> str | None:
    """What of Terraform and the provider is not here, as the reason to skip a test."""
    if terraform() is None:
        source = f"github.com/hashicorp/terraform@v{VERSION}"
        return f"no Terraform {VERSION}: GOBIN={_BUILT.parent} go install {source}"
    return None if provider() else "no provider oracle/oci in Terraform's local plugin mirror"


def _version(command: str) -> str:
    done = subprocess.run([command, "version", "-json"], capture_output=True, text=True, check=False)
    return str(json.loads(done.stdout)["terraform_version"]) if done.returncode == 0 else ""


@dataclass
class Runner:
    """Runs Terraform in a folder; `enter` puts a command line into the region's network."""

    enter: Callable[..., list[str]]
    environment: Mapping[str, str]
    _process: subprocess.Popen[str] | None = None
    _entered: bool = False
    _stopped: bool = False

    def __post_init__(self) -> None:
        self._lock = Lock()

    def run(self, folder: Path, *arguments: str, log: Callable[[str], None]) -> int:
        """Run one command to its end, every line of it into the log; its status is returned."""
        # A command that enters another mount namespace starts in its root.
        command = [terraform() or "terraform", f"-chdir={folder}", *arguments]
        entered = self.enter(*command)
        with self._lock:
            if self._stopped:
                return 1
            self._entered = entered != command
            self._process = _start(entered, self.environment)
        assert self._process.stdout
        with self._process.stdout as output:
            for line in output:
                log(line.rstrip("\n"))
        return self._process.wait()

    def stop(self, *, forced: bool) -> None:
        """Let it finish what it is at and save its state, or kill it and its provider at once."""
        with self._lock:
            self._stopped = True
            process = self._process
            if process is None or process.poll() is not None:
                return
            if forced:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                os.kill(self._terraform(process.pid), signal.SIGINT)

    def _terraform(self, pid: int) -> int:
        if not self._entered:
            return pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid


def _start(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
