"""A machine of our own: an operating system in a folder, booted by systemd-nspawn.

It shares this machine's network, where it may change nothing, and listens on one loopback port for SSH.
It ends with the process that booted it, also when that is killed.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOTS = Path(os.environ.get("MLOPS_TEST_ROOTS", "/var/tmp/mlops-test-roots"))  # noqa: S108
PACKAGES = ("ca-certificates", "dbus", "iproute2", "netbase", "openssh-server", "sudo", "systemd-sysv")
"""What makes Debian's smallest system one that a cloud would offer as an image."""

_FILES = "/run/bake"
_SSH_UNIT = f"""\
[Unit]
After=network.target
[Service]
ExecStart=/usr/sbin/sshd -D -e -o ListenAddress=127.0.0.1:{{port}} -h {_FILES}/host_key \
-o AuthorizedKeysFile={_FILES}/key.pub -o StrictModes=no -o PermitRootLogin=prohibit-password
RuntimeDirectory=sshd
"""


@dataclass(frozen=True)
class Machine:
    """Where a booted machine is reached: `root` with the private key `key`."""

    port: int
    key: Path


def base_root() -> Path:
    """The operating system that images start from: MLOPS_BASE_ROOT, else a Debian 12 made once.

    Raises:
        ValueError: when what is given is no operating system.
        subprocess.CalledProcessError: when Debian cannot be had.
    """
    if given := os.environ.get("MLOPS_BASE_ROOT"):
        if not os.path.lexists(Path(given) / "etc/os-release"):
            raise ValueError(
                f"MLOPS_BASE_ROOT is {given!r}: a folder with the root of an Oracle Linux 8 or Debian 12 "
                "is expected. Remedy: unpack one there, with systemd, sshd and sudo, or unset it."
            )
        return Path(given)
    root = ROOTS / f"debian12-{hashlib.sha256(' '.join(PACKAGES).encode()).hexdigest()[:8]}"
    ROOTS.mkdir(parents=True, exist_ok=True)
    with (ROOTS / f"{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            unfinished = root.with_suffix(".unfinished")
            remove(unfinished)
            include = f"--include={','.join(PACKAGES)}"
            subprocess.run(
                ["debootstrap", "--variant=minbase", include, "bookworm", str(unfinished)], check=True
            )
            for name in ("hostname", "resolv.conf"):  # debootstrap copies this machine's
                (unfinished / "etc" / name).unlink(missing_ok=True)
            unfinished.rename(root)
    return root


def copy(source: Path, target: Path) -> None:
    """A root as it is, with owners and attributes; one that was there is replaced."""
    remove(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--archive", "--reflink=auto", str(source), str(target)], check=True)


def remove(root: Path) -> None:
    """Delete a root, if there is one. Raises: OSError: when something is still mounted in it."""
    if root.exists():
        shutil.rmtree(root)


@contextlib.contextmanager
def booted(root: Path, lent: Mapping[Path, str], shared: Mapping[Path, str]) -> Iterator[Machine]:
    """Boot the root until the block is left; the machine is then shut down in order.

    `lent` are files and folders of this machine → where the booted one can read them, `shared` are those
    that it may write to. All, keys and the SSH service too, are mounted: nothing is written into the root.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-machine-") as name:
        folder = Path(name)
        port = _free_port()
        for key in ("key", "host_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / key)], check=True
            )
        (folder / "ssh.service").write_text(_SSH_UNIT.format(port=port))
        service = {
            folder / "host_key": f"{_FILES}/host_key",
            folder / "key.pub": f"{_FILES}/key.pub",
            folder / "ssh.service": "/run/systemd/system/bake-ssh.service",
        }
        with (folder / "console").open("wb") as console:
            process = subprocess.Popen(
                _command(root, {**service, **lent}, shared),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        try:
            yield Machine(port, folder / "key")
        finally:
            _shut_down(process)


def _shut_down(process: subprocess.Popen[bytes]) -> None:
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        os.kill(int(child), signal.SIGTERM)  # by which systemd-nspawn has the system shut down
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _command(root: Path, lent: Mapping[Path, str], shared: Mapping[Path, str]) -> list[str]:
    return [
        # Where this process ends, unshare ends, and the kernel ends all that is in its PID namespace.
        *(
            "setpriv",
            "--pdeathsig",
            "KILL",
            "--",
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ),
        *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe"),
        *("--directory", str(root), "--hostname=localhost", "--resolv-conf=bind-host", "--timezone=off"),
        *(f"--bind-ro={source}:{target}" for source, target in lent.items()),
        *(f"--bind={source}:{target}" for source, target in shared.items()),
        # The system's own SSH service would listen on this machine's addresses.
        *("systemd.mask=ssh.service", "systemd.mask=sshd.service", "systemd.wants=bake-ssh.service"),
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
