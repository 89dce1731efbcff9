"""Instances that Packer can log in to: real machines with the user `opc`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packer import local
from packer.machine import remove
from services.role import Role
from tests.images.client import Client
from tests.images.machine import Machine
from tests.images.site import OUTPUT
from tests.region.machines import Launch
from tests.region.network import Network

_KEYS, _CACHE = "/run/launch/authorized_keys", "/run/launch/cache"
_SSH = ("ssh", "sshd")
"""As Debian and Oracle Linux call the service."""
_FIRST_BOOT = f"""\
[Service]
RuntimeDirectory=cache/upper cache/work
ExecStartPre=/usr/bin/mount -t overlay overlay {_CACHE} \
  -o lowerdir={_CACHE},upperdir=/run/cache/upper,workdir=/run/cache/work
ExecStartPre=/usr/sbin/useradd --create-home --shell /bin/bash opc
ExecStartPre=/usr/bin/install -D -m 0600 -o opc -g opc {_KEYS} /home/opc/.ssh/authorized_keys
ExecStartPre=/bin/sh -c 'echo "opc ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/90-cloud-init-users'
"""
"""Before anyone can log in: the user, as cloud-init makes it on OCI, and what the bake adds to the cache of
packages goes with the machine."""


def packages(proxy: str) -> tuple[list[str], dict[Path, str]]:
    """How a machine reaches packages by a proxy: `NAME=value` for the bake, and what it is lent → where."""
    lines, lent = local.passed_on(os.environ)
    cache = Path(os.environ.get("UV_CACHE_DIR", local.CACHES["UV_CACHE_DIR"])).expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    lines += [f"http_proxy={proxy}", f"https_proxy={proxy}", f"UV_CACHE_DIR={_CACHE}"]
    return lines, {**lent, cache: _CACHE}


@dataclass
class SourceMachines:
    """The region's instances as machines, each booted from its image; `lent` is what they all can read."""

    network: Network
    role: Role
    folder: Path
    lent: Mapping[Path, str]
    launches: list[Launch] = field(default_factory=list)
    _machines: dict[str, Machine] = field(default_factory=dict)

    def launch(self, launch: Launch) -> None:
        assert launch.content
        self.launches.append(launch)
        folder = self.folder / launch.instance
        folder.mkdir()
        keys = folder / "authorized_keys"
        keys.write_text(launch.metadata["ssh_authorized_keys"])
        units = {folder / name: f"/run/systemd/system/{name}.service.d/first-boot.conf" for name in _SSH}
        for unit in units:
            unit.write_text(_FIRST_BOOT)
        machine = self._machines[launch.instance] = Machine(
            self.role,
            launch.content,
            folder,
            launch.address,
            self.network,
            Client(self.network.hub),
            OUTPUT / f"packer-{len(self.launches)}",
            {**self.lent, keys: _KEYS, **units},
        )
        machine.power_on()

    def terminate(self, instance: str) -> None:
        self._machines[instance].power_cut()

    def act(self, instance: str, action: str) -> None:
        raise NotImplementedError(f"{action} of {instance}: Packer has no use for it")

    def disk(self, instance: str) -> Path:
        """What the instance has on its disk beside, or instead of, its image's files."""
        return self._machines[instance].disk

    def close(self) -> None:
        """End what is still on, and delete all disks."""
        for machine in self._machines.values():
            machine.power_cut()
        remove(self.folder)
