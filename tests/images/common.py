"""What holds on the booted machine of every role."""

import base64
import time
from collections.abc import Callable
from typing import ClassVar
from urllib.parse import quote

import pytest
from testinfra.host import Host

from services.boot import environment_file
from tests.images.machine import Machine
from tests.images.site import Site

EXPOSURE = 25
"""Tenths, as `systemd-analyze security --threshold` takes them."""
SSH = 22
_FOREIGN_PORT = 9999


class MachineSpecs:
    """Specs of one running machine; a role's own class inherits them."""

    role: ClassVar[str]

    def test_every_service_is_up_and_none_failed(self, host: Host, units: list[str]) -> None:
        assert all(host.service(unit).is_running for unit in (*units, "firewalld"))
        assert not host.check_output("systemctl list-units --failed --plain --no-legend")

    def test_services_run_as_the_role_and_never_gain_rights(self, machine: Machine, host: Host) -> None:
        for service in machine.role.services:
            process = host.check_output("systemctl show --property MainPID --value %s", service.name)
            status = host.file(f"/proc/{process}/status").content_string
            values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert set(values["Uid"].split()) == {str(host.user(machine.role.name).uid)}
            assert (int(values["CapBnd"], 16), values["NoNewPrivs"]) == (0, "1")

    def test_the_sandbox_of_every_unit_is_tight(self, host: Host, units: list[str]) -> None:
        if "--threshold" not in host.check_output("systemd-analyze --help"):
            pytest.skip("systemd-analyze here measures no exposure; packer/test_units.py does elsewhere")
        for unit in units:
            said = host.run(f"systemd-analyze security --no-pager --threshold={EXPOSURE} {unit}.service")
            assert said.rc == 0, said.stdout

    def test_only_the_roles_ports_and_ssh_listen_to_others(self, machine: Machine, host: Host) -> None:
        lines = host.check_output("ss --tcp --listening --numeric --no-header").splitlines()
        listening = {line.split()[3].rpartition(":")[::2] for line in lines}
        ports = {service.port for service in machine.role.services if service.port}
        assert {int(port) for address, port in listening if not address.startswith(("127.", "[::1]"))} == {
            *ports,
            SSH,
        }

    def test_the_firewall_lets_only_those_ports_through(self, machine: Machine, host: Host) -> None:
        assert host.check_output("firewall-cmd --state") == "running"
        serve = f"/opt/mlops/bin/python -m http.server {_FOREIGN_PORT}"
        host.check_output(f"systemd-run --quiet --collect --unit=foreign {serve}")
        try:
            until(lambda: host.socket(f"tcp://0.0.0.0:{_FOREIGN_PORT}").is_listening)
            assert not machine.client.reaches(machine.address, _FOREIGN_PORT)
            for service in machine.role.services:
                assert not service.port or machine.client.reaches(machine.address, service.port)
        finally:
            host.run("systemctl stop foreign")

    def test_settings_are_the_roles_alone(self, machine: Machine, host: Host) -> None:
        folder = host.file("/etc/mlops")
        assert (folder.user, folder.group, folder.mode) == ("root", machine.role.name, 0o750)
        assert set(folder.listdir()) == {f"{service.name}.env" for service in machine.role.services}
        for name in folder.listdir():
            file = host.file(f"/etc/mlops/{name}")
            assert (file.user, file.group, file.mode) == ("root", machine.role.name, 0o640)
        state = host.file("/var/lib/mlops")
        assert (state.user, state.group, state.mode) == (machine.role.name, machine.role.name, 0o750)

    def test_no_secret_lies_outside_the_settings(self, site: Site, machine: Machine, host: Host) -> None:
        secrets = secrets_of(site, machine)
        assert len(secrets) > len(site.contract(self.role)) // 2
        kept = machine.disk / "etc/mlops"
        files = (path for path in machine.disk.rglob("*") if path.is_file() and not path.is_symlink())
        assert not [path for path in files if kept not in path.parents and _holds(path.read_bytes(), secrets)]
        running = host.run("cat /proc/*/cmdline; find /run /tmp -xdev -type f -exec cat {} +").stdout_bytes
        assert running
        assert not _holds(running, secrets)
        assert not _holds(machine.console.encode(), secrets)
        assert not _holds(machine.journal("--all", "--output=export").encode(), secrets)

    def test_nothing_is_writable_by_everybody(self, host: Host) -> None:
        assert not host.check_output(
            "find / -xdev -perm -0002 -not -type l -not -type s -not '(' -type d -perm -1000 ')'"
        )

    def test_the_machine_has_an_identity_of_its_own(self, machine: Machine) -> None:
        keys = [path.name for path in (machine.disk / "etc/ssh").glob("ssh_host_*_key")]
        assert "ssh_host_ed25519_key" in keys
        assert len((machine.disk / "etc/machine-id").read_text().strip()) == 32

    def test_a_reboot_changes_no_settings_and_ends_healthy(self, machine: Machine) -> None:
        before = environments(machine)
        machine.shut_down()
        machine.power_on()
        print(f"\n{self.role}: {machine.wait():.1f} s from power to healthy, second boot")
        assert environments(machine) == before


def environments(machine: Machine) -> dict[str, dict[str, str]]:
    """What the machine's settings hold, by file."""
    files = sorted((machine.disk / "etc/mlops").glob("*.env"))
    return {file.name: environment_file.read(file) for file in files}


def secrets_of(site: Site, machine: Machine) -> set[bytes]:
    """Every secret that the machine has read or made, also as a URI or a base64 text would hold it."""
    made = {
        value
        for variables in environments(machine).values()
        for name, value in variables.items()
        if name.endswith(("_PASSWORD", "_SECRET", "_SECRET_KEY", "_FERNET_KEY"))
    }
    uris = {value for variables in environments(machine).values() for value in variables.values()}
    made |= {uri.split(":")[2].rpartition("@")[0] for uri in uris if uri.startswith("mysql")}
    plain = made | set(site.values.values())
    encoded = {quote(value, safe="") for value in plain}
    return {value.encode() for value in plain | encoded} | {
        base64.b64encode(value.encode()) for value in plain
    }


def _holds(content: bytes, secrets: set[bytes]) -> bool:
    return any(secret in content for secret in secrets)


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for it. Raises: AssertionError: when it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
