"""What is real behind a region's records: golden images boot as machines, MySQL runs, a proxy ends TLS."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from services.roles import ROLES
from tests.images.client import Client
from tests.images.machine import Machine
from tests.images.site import AUTHORITY, REPOSITORY, TRUST, image
from tests.region.machines import Launch
from tests.region.mysql import MySQL
from tests.region.mysql_service import Asked
from tests.region.network import Namespace, Network
from tests.region.region import Region

OUTPUT = REPOSITORY / "test-output/stack"
CLIENT_ADDRESS = "10.0.200.7"


@dataclass
class GoldenMachines:
    """Boots golden images behind instances: tests/region's `Machines`."""

    region: Region
    network: Network
    client: Client
    folder: Path
    running: dict[str, Machine] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def launch(self, launch: Launch) -> None:
        role = next(role for role in ROLES if launch.image_name.startswith(f"mlops-{role.name}-"))
        assert launch.content
        with self._lock:
            place = self.folder / f"{role.name}-{len(list(self.folder.glob(f'{role.name}-*')))}"
            machine = Machine(
                role,
                launch.content,
                place,
                launch.address,
                self.network,
                self.client,
                OUTPUT / place.name,
                {self.region.authority_file: AUTHORITY},
                TRUST,
            )
            self.running[launch.instance] = machine
        machine.power_on()

    def terminate(self, instance: str) -> None:
        self.running.pop(instance).power_cut()

    def act(self, instance: str, action: str) -> None:
        machine = self.running[instance]
        if action != "START":
            machine.shut_down()
        if not action.endswith("STOP"):
            machine.power_on()

    def of(self, role: str) -> Machine:
        return next(machine for machine in self.running.values() if machine.role.name == role)

    def close(self) -> None:
        for instance in list(self.running):
            self.terminate(instance)


@dataclass(frozen=True)
class Cloud:
    """The machines, and a client outside of the VCN's subnets, at `laptop`."""

    machines: GoldenMachines
    client: Client
    laptop: Namespace


def add_golden_images(region: Region) -> None:
    """The images that were baked here, named and tagged as a bake does it on OCI."""
    for role in ROLES:
        region.infrastructure.compute.images.add(
            f"mlops-{role.name}-baked",
            compartment=region.compartment,
            content=image(role.name),
            freeformTags={"role": role.name},
        )


@contextmanager
def real(region: Region, network: Network, folder: Path) -> Iterator[Cloud]:
    """Put real things behind the region's records until the block is left."""
    (folder / "machines").mkdir(parents=True)
    laptop = network.join(CLIENT_ADDRESS)
    client = Client(laptop)
    machines = GoldenMachines(region, network, client, folder / "machines")

    numbers = itertools.count()

    def database(asked: Asked) -> MySQL:
        place = network.join(asked.address)
        return MySQL(
            folder / f"mysql-{next(numbers)}",
            asked.address,
            asked.port,
            place.command(),
            names=[asked.hostname],
            password=asked.password,
        )

    region.infrastructure.compute.instances.machines = machines
    region.data.db_systems.databases = database
    region.infrastructure.load_balancers.proxy = proxy = region.proxy(network)
    try:
        yield Cloud(machines, client, laptop)
    finally:
        machines.close()
        proxy.close()
