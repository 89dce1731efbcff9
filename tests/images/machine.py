"""A machine booted from a baked image, in the region: a namespace, and a disk of its own over the image's.

Everything it is made of (processes, mounts, links) lies in its namespaces, which end with this process.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from services.role import Role
from tests.images.client import Client
from tests.region.network import Namespace, Network

# What the machine wrote stays in the upper folder, from one boot to the next.
_BOOT = """\
mount -t tmpfs tmpfs /run
mkdir /run/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" /run/root
shift 3
exec systemd-nspawn --directory=/run/root "$@"
"""
_FAILED = re.compile(r"Failed to start [^\n]*(mlops-firs|First boot)")
"""On the console, where systemd shortens long names; Oracle Linux 8's shows descriptions."""
_ENVIRONMENT = ("env", "--ignore-environment", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8")


class Inside(BaseBackend):  # type: ignore[misc]
    """testinfra's way in: commands run in the namespaces of the machine's first process."""

    NAME = "inside"

    def __init__(self, name: str, leader: int) -> None:
        super().__init__(name)
        self._leader = leader

    def run(self, command: str, *args: str, **_: object) -> CommandResult:
        line = self.get_command(command, *args)
        enter = " ".join(("nsenter", "--target", str(self._leader), "--all", "--", *_ENVIRONMENT))
        return self.run_local(f"{enter} /bin/sh -c %s", line)


@dataclass
class Machine:
    """One machine; `lent` are files of this one → where it sees them, `variables` every process has."""

    role: Role
    image: Path
    folder: Path
    address: str
    network: Network
    client: Client
    output: Path
    lent: Mapping[Path, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    namespace: Namespace | None = None
    _process: subprocess.Popen[bytes] | None = None
    _since: float = 0.0
    _told: int = 0

    def __post_init__(self) -> None:
        for name in ("disk", "work"):
            (self.folder / name).mkdir(parents=True)
        shutil.rmtree(self.output, ignore_errors=True)
        (self.output / "journal").mkdir(parents=True)

    @property
    def disk(self) -> Path:
        """What this machine has on its disk beside, or instead of, the image's files."""
        return self.folder / "disk"

    def power_on(self) -> None:
        """Return as soon as it boots."""
        self.namespace = self.network.join(self.address)
        # As a network card does, it keeps its address; those who know it need not ask again.
        octets = (f"{int(octet):02x}" for octet in self.address.split("."))
        self.namespace.ip(f"link set eth0 address 02:00:{':'.join(octets)}")
        layers = (self.image, self.disk, self.folder / "work")
        self._since = time.monotonic()
        self._told = self.console_file.stat().st_size if self.console_file.exists() else 0
        with self.console_file.open("ab") as console:
            self._process = subprocess.Popen(
                self.namespace.command(
                    *("unshare", "--mount", "sh", "-ec", _BOOT, "sh", *map(str, layers)),
                    *("--quiet", "--boot", "--register=no", "--keep-unit", "--console=read-only"),
                    *("--network-namespace-path=/proc/self/ns/net", "--capability=CAP_NET_ADMIN"),
                    *(f"--hostname={self.role.name}", "--resolv-conf=bind-host", "--timezone=off"),
                    *(f"--bind-ro={source}:{target}" for source, target in self.lent.items()),
                    # So that it outlives the machine.
                    f"--bind={self.output / 'journal'}:/var/log/journal",
                    *(f"systemd.setenv={name}={value}" for name, value in self.variables.items()),
                    # The prompt, five seconds after power, discards what its terminal has not shown yet.
                    "systemd.mask=console-getty.service",
                ),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )

    def power_cut(self) -> None:
        """End every process of it at once."""
        leader = self._leader()
        if leader:
            os.kill(leader, signal.SIGKILL)
        self._off()

    def shut_down(self) -> None:
        """End it in order, as a reboot does."""
        leader = self._leader()
        if leader:
            os.kill(leader, signal.SIGRTMIN + 4)  # systemd(1): poweroff.target
        assert self._process
        self._process.wait(90)
        self._off()

    @property
    def host(self) -> Host:
        """testinfra's view from inside; a new one after each boot."""
        leader = self._leader()
        assert leader, self.console
        backend = Inside(self.role.name, leader)
        host = Host(backend)
        backend.set_host(host)
        return host

    def wait(self, seconds: float = 240) -> float:
        """Seconds from power to all services healthy, as a client on the network sees it.

        Raises:
            TimeoutError: with the console.
        """
        while not self.healthy():
            took = time.monotonic() - self._since
            if took > seconds or self.refuses or not self._running():
                raise TimeoutError(f"{self.role.name} is not healthy after {took:.0f} s:\n{self.console}")
            time.sleep(0.2)
        return time.monotonic() - self._since

    def wait_for_refusal(self, seconds: float = 120) -> None:
        """Until first boot has failed. Raises: TimeoutError: when it does not."""
        while not self.refuses:
            if time.monotonic() - self._since > seconds:
                raise TimeoutError(f"{self.role.name} does not refuse:\n{self.console}")
            time.sleep(0.2)

    @property
    def refuses(self) -> bool:
        """Whether first boot has failed since the power came."""
        return bool(_FAILED.search(self.console))

    def healthy(self) -> bool:
        """Every service that can be asked says that it is, and so says it of those that cannot."""
        return all(
            self._answers(service.port, service.health)
            for service in self.role.services
            if service.port and service.health
        )

    def url(self, service: str, path: str) -> str:
        port = next(each.port for each in self.role.services if each.name == service)
        return f"http://{self.address}:{port}{path}"

    @property
    def console_file(self) -> Path:
        return self.output / "console"

    @property
    def console(self) -> str:
        """What it has said since the power came."""
        with self.console_file.open("rb") as stream:
            stream.seek(self._told)
            return stream.read().decode(errors="replace").replace("\r", "")

    def journal(self, *options: str) -> str:
        """The journal of every boot, also of a machine that is off."""
        folder = f"--directory={self.output / 'journal'}"
        command = ["journalctl", folder, "--quiet", "--no-pager", "--output=cat", *options]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def _answers(self, port: int, path: str) -> bool:
        try:
            answer = self.client.ask(f"http://{self.address}:{port}{path}", seconds=5)
        except OSError:
            return False
        return (
            answer.status == 200 and b"unhealthy" not in answer.body and b'"status":null' not in answer.body
        )

    def _running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _leader(self) -> int | None:
        """Its first process, as it is known here: below nsenter and systemd-nspawn."""
        found = self._process.pid if self._process else None
        for _ in range(2):
            found = _child(found) if found else None
        return found

    def _off(self) -> None:
        if self.namespace:
            self.namespace.close()
        if self._process:
            self._process.wait()
        self.namespace = self._process = None


def _child(process: int) -> int | None:
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None
