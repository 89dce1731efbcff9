"""How much sooner a golden image is up than a machine that installs its role at boot."""

import pytest

from services.role import Role
from services.roles import ROLES
from tests.images.at_boot import machine_without_image
from tests.images.machine import Machine
from tests.images.site import Site

pytestmark = [pytest.mark.root, pytest.mark.timeout(1200)]

LEAST = 8


def first_boot(site: Site, machine: Machine) -> float:
    """Seconds from power to all services healthy, on an empty database."""
    site.mysql.clear()
    machine.power_on()
    took = machine.wait(900)
    machine.power_cut()
    return took


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_golden_image_is_up_many_times_sooner_than_what_is_installed_at_boot(
    site: Site, role: Role
) -> None:
    golden = first_boot(site, site.launch(role.name, name="golden"))
    installed = first_boot(site, machine_without_image(site, role.name))
    again = first_boot(site, site.launch(role.name, name="golden-again"))
    ratio = installed / max(golden, again)
    print(
        f"\n{role.name}: golden image healthy after {golden:.1f} and {again:.1f} s, "
        f"installed at boot after {installed:.1f} s: {ratio:.1f} times"
    )
    assert ratio >= LEAST
