"""Units as an image has them: each role's rootfs over that of first boot."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from services.role import Role
from services.roles import ROLES

SERVICES = Path(__file__).parents[1] / "services"
UNITS = "etc/systemd/system"


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request: pytest.FixtureRequest) -> Role:
    chosen: Role = request.param
    return chosen


@pytest.fixture
def root(role: Role, tmp_path: Path) -> Path:
    for room in ("boot", role.name):
        shutil.copytree(SERVICES / room / "rootfs", tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path


def test_every_service_has_its_unit_and_starts_as_everywhere(role: Role, root: Path) -> None:
    units = {path.stem for path in (root / UNITS).glob("*.service")}
    assert units == {"mlops-first-boot", *(service.name for service in role.services)}
    for service in role.services:
        lines = (root / UNITS / f"{service.name}.service").read_text().splitlines()
        command = " ".join((service.module, *service.arguments))
        assert f"ExecStart=/opt/mlops/bin/python -m {command}" in lines
        assert f"EnvironmentFile=/etc/mlops/{service.name}.env" in lines
        assert f"User={role.name}" in lines


def test_the_firewall_opens_the_ports_of_the_role(role: Role, root: Path) -> None:
    zone = (root / "etc/firewalld/zones/public.xml").read_text()
    opened = re.findall(r'<port protocol="tcp" port="(\d+)"/>', zone)
    assert opened == [str(service.port) for service in role.services if service.port]
    assert re.findall(r'<service name="([\w-]+)"/>', zone) == ["ssh", "dhcpv6-client"]


def test_every_unit_is_locked_in(root: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze or _version(analyze) < 250:
        pytest.skip("systemd-analyze 250 or newer is expected to measure the units' exposure")
    units = [path.name for path in (root / UNITS).glob("*.service")]
    for unit in units:
        done = subprocess.run(
            [analyze, "security", "--offline=yes", "--threshold=25", "--json=short", f"--root={root}", unit],
            capture_output=True,
            text=True,
            check=False,
        )
        gaps = [check["json_field"] for check in json.loads(done.stdout or "[]") if check["exposure"]]
        assert done.returncode == 0, f"{unit}: {gaps or done.stderr}"


def _version(analyze: str) -> int:
    told = subprocess.run([analyze, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.findall(r"systemd (\d+)", told)[0])
