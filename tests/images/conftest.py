"""One region for all machines of a run, and a running machine for the specs of each role."""

from collections.abc import Iterator

import pytest
from testinfra.host import Host

from tests.images.machine import Machine
from tests.images.site import Site, site
from tests.region import network


@pytest.fixture(scope="session", name="site")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if reason := network.available():
        pytest.skip(reason)
    with site(tmp_path_factory.mktemp("site") / "site") as made:
        yield made


@pytest.fixture(scope="class")
def machine(site: Site, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """The machine of the class's role, running, on an empty database."""
    machine = site.launch(request.cls.role)
    machine.power_on()
    print(f"\n{machine.role.name}: {machine.wait():.1f} s from power to healthy")
    yield machine
    machine.shut_down()
    site.mysql.clear()


@pytest.fixture
def host(machine: Machine) -> Host:
    """testinfra inside that machine, as it is booted now."""
    return machine.host


@pytest.fixture
def units(machine: Machine) -> list[str]:
    return ["mlops-first-boot", *(service.name for service in machine.role.services)]
