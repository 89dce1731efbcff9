"""The power goes at random moments of first boot; the next boot ends healthy."""

import random
import time

import pytest

from tests.images.seed import SEED
from tests.images.site import Site

pytestmark = [pytest.mark.root, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(("role", "cuts"), [("mlflow", 4), ("airflow", 4), ("serving", 2)])
def test_the_boot_after_a_power_cut_ends_healthy(site: Site, role: str, cuts: int) -> None:
    machine = site.launch(role, name="uncut")
    machine.power_on()
    whole = machine.wait()
    machine.power_cut()
    chance = random.Random(f"{SEED} {role}")  # noqa: S311
    print(f"\n{role}: seed {SEED}, {whole:.1f} s from power to healthy")
    for number in range(cuts):
        site.mysql.clear()
        machine = site.launch(role, name=f"cut-{number}")
        moment = chance.uniform(0, whole)
        machine.power_on()
        time.sleep(moment)
        machine.power_cut()
        machine.power_on()
        print(f"{role}: cut after {moment:.1f} s, then {machine.wait():.1f} s from power to healthy")
        machine.power_cut()
    site.mysql.clear()
