"""A network of our own: unnamed namespaces that live no longer than this process, even if it is killed.

Each namespace is held by a `cat` that reads a pipe from this process and is the first process of a PID
namespace: when this process ends in any way, the pipe closes, `cat` ends, the kernel kills whatever
still runs inside, and the namespaces, their links and mounts are gone. Nothing of it has a name, and
nothing is added to the host's network.
"""

import ctypes
import itertools
import os
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.region import metadata

GATEWAY = "10.0.0.1"
SERVICES = "192.0.2.1"
"""Where the region's APIs are; machines reach them through their gateway, as through a service gateway."""

_PREFIX = 16
_CLONE_NEWNET = 0x40000000


def available() -> str | None:
    """Why namespaces cannot be made here, or None."""
    probe = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return None if probe.returncode == 0 else f"no network namespaces here: {probe.stderr.strip()}"


class Namespace:
    """One network, mount and PID namespace; `address` is where it is on the network, if it is on one."""

    def __init__(self, address: str | None = None) -> None:
        self.address = address
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._holder.stdin
        assert self._holder.stdout
        self._holder.stdin.write(b"!")
        if self._holder.stdout.read(1) != b"!":
            raise RuntimeError("no namespace could be made; that needs root")
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children")
        self.pid = int(children.read_text())
        self.ip("link set lo up")

    @property
    def path(self) -> Path:
        """The network namespace as a file, such as systemd-nspawn's --network-namespace-path takes."""
        return Path(f"/proc/{self.pid}/ns/net")

    def ip(self, *commands: str) -> None:
        """Run `ip` commands in the network namespace alone, so that host PIDs and files still count."""
        self._enter("--net", command=["ip", "-batch", "-"], stdin="\n".join(commands))

    def command(self, *command: str) -> list[str]:
        """The command line that runs a command inside, for subprocess; it ends with the namespace."""
        return [*self._nsenter("--net", "--mount", "--pid"), *command]

    def cover(self, path: str, content: Path) -> None:
        """Let those inside see another file at `path`; the host's stays as it is."""
        self._enter("--mount", command=["mount", "--bind", str(content), path])

    def bind(self, address: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """A socket of this process that is bound inside."""
        result: list[socket.socket | OSError] = []

        def inside() -> None:
            # Only this thread enters, and it ends here; the socket stays in the namespace.
            try:
                _enter_network(self.path)
                bound = socket.socket(socket.AF_INET, kind)
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                bound.bind((address, port))
                result.append(bound)
            except OSError as error:
                result.append(error)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if isinstance(result[0], OSError):
            raise result[0]
        return result[0]

    def close(self) -> None:
        """End whatever runs inside, and the namespace with it."""
        assert self._holder.stdin
        assert self._holder.stdout
        self._holder.stdin.close()
        self._holder.wait()
        self._holder.stdout.close()

    def _nsenter(self, *kinds: str) -> list[str]:
        return ["nsenter", "--target", str(self.pid), *kinds, "--"]

    def _enter(self, *kinds: str, command: Sequence[str], stdin: str = "") -> None:
        done = subprocess.run(
            [*self._nsenter(*kinds), *command], input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} {stdin!r} failed: {done.stderr.strip()}")


def _enter_network(path: Path) -> None:
    """Move the calling thread into a network namespace."""
    descriptor = os.open(path, os.O_RDONLY)
    failed = ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET)
    os.close(descriptor)
    if failed:
        raise OSError(ctypes.get_errno(), f"cannot enter {path}")


class Network:
    """A bridge with the region's addresses, and the namespaces of machines and clients that hang on it."""

    def __init__(self, files: Path) -> None:
        self._stack = ExitStack()
        self._resolver = files / "resolv.conf"
        self._resolver.write_text(f"nameserver {metadata.ADDRESS}\noptions timeout:2 attempts:2\n")
        self._hosts = files / "hosts"
        self._hosts.write_text("127.0.0.1 localhost\n")
        self._numbers = itertools.count(1)
        self.hosts: dict[str, str] = {}
        self.hub = self._stack.enter_context(closing(Namespace()))
        self.hub.ip(
            "link add br0 type bridge",
            f"addr add {GATEWAY}/{_PREFIX} dev br0",
            f"addr add {metadata.ADDRESS}/32 dev br0",
            f"addr add {SERVICES}/32 dev br0",
            "link set br0 up",
        )
        # Resource Manager's jobs run here.
        self.hub.cover("/etc/resolv.conf", self._resolver)
        self.hub.cover("/etc/hosts", self._hosts)

    def join(self, address: str) -> Namespace:
        """A new namespace on the bridge, as a machine or a client of the region."""
        member = self._stack.enter_context(closing(Namespace(address)))
        port = f"port{next(self._numbers)}"
        self.hub.ip(
            f"link add {port} type veth peer name eth0 netns {member.pid}",
            f"link set {port} master br0",
            f"link set {port} up",
        )
        member.ip(
            f"addr add {address}/{_PREFIX} dev eth0", "link set eth0 up", f"route add default via {GATEWAY}"
        )
        member.cover("/etc/resolv.conf", self._resolver)
        member.cover("/etc/hosts", self._hosts)
        return member

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
