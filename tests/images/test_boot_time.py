"""A golden image beside a machine that installs its role at boot: how much sooner it is up, and lighter."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from packer.provision.lean import weight
from services.roles import ROLES
from tests.images.at_boot import machine_without_image
from tests.images.machine import Machine
from tests.images.site import Site, image

pytestmark = [pytest.mark.root, pytest.mark.timeout(1200)]

LEAST = 8


@dataclass(frozen=True)
class Pair:
    """Seconds from power to all services healthy, and bytes that the installed packages take."""

    role: str
    golden: tuple[float, float, float]
    installed: float
    kept: dict[str, int]
    plain: dict[str, int]


@pytest.fixture(scope="module", params=[role.name for role in ROLES])
def pair(site: Site, request: pytest.FixtureRequest) -> Pair:
    role = request.param
    before = first_boot(site, site.launch(role, name="golden"))  # from a disk that may be cold
    at_boot = machine_without_image(site, role)
    installed = first_boot(site, at_boot)
    again = first_boot(site, site.launch(role, name="golden-again"))
    last = first_boot(site, site.launch(role, name="golden-at-last"))
    return Pair(role, (before, again, last), installed, weights(image(role)), weights(at_boot.disk))


def first_boot(site: Site, machine: Machine) -> float:
    """Seconds from power to all services healthy, on an empty database."""
    site.mysql.clear()
    machine.power_on()
    took = machine.wait(900)
    machine.power_cut()
    return took


def weights(disk: Path) -> dict[str, int]:
    """What the machine's own manifest says that packages weigh."""
    found: dict[str, int] = json.loads((disk / "opt/mlops/manifest.json").read_text())["weights"]
    return found


def test_a_golden_image_is_up_many_times_sooner_than_what_is_installed_at_boot(pair: Pair) -> None:
    # Seconds are few: one stall of a shared disk must not decide, as the slowest of them would let it.
    ratio = pair.installed / median(pair.golden)
    first, again, last = pair.golden
    print(
        f"\n{pair.role}: golden image healthy after {first:.1f}, {again:.1f} and {last:.1f} s, "
        f"installed at boot after {pair.installed:.1f} s: {ratio:.1f} times"
    )
    assert ratio >= LEAST


def test_an_image_is_lighter_than_what_pip_installs_of_the_same_packages(pair: Pair) -> None:
    print(f"\n{pair.role}: the image weighs {weight(image(pair.role)) / 1e6:.0f} MB")
    for what, plain in pair.plain.items():
        print(f"{pair.role}: {what} {pair.kept[what] / 1e6:.0f} MB, by pip alone {plain / 1e6:.0f} MB")
    assert pair.kept["packages"] < pair.plain["packages"]
    assert 0 < pair.kept["oci"] <= pair.plain["oci"] / 3
