"""Specs of an image before it is sealed: Packer runs them against the machine, and keeps no image that fails.

They are run by name and without the fixtures of booted machines; no other test run collects them.
"""

import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from testinfra.host import Host

from services.role import Role
from services.roles import ROLES

REPOSITORY = Path(__file__).parents[2]
PYTHON = "/opt/mlops/bin/python"
EX_CONFIG = 78
TIMED_OUT = 124


@pytest.fixture(scope="module")
def role(host: Host) -> Role:
    name = host.file("/usr/lib/mlops/role").content_string.strip()
    return next(role for role in ROLES if role.name == name)


def test_the_role_is_a_user_that_cannot_log_in(host: Host, role: Role) -> None:
    user = host.user(role.name)
    assert (user.shell, user.home) == ("/sbin/nologin", "/var/lib/mlops")
    assert user.uid < 1000
    assert user.password in ("!", "!!", "*")


@pytest.mark.parametrize(("path", "owner"), [("/etc/mlops", "root"), ("/var/lib/mlops", "")])
def test_settings_and_state_are_the_roles_alone_and_empty(
    host: Host, role: Role, path: str, owner: str
) -> None:
    folder = host.file(path)
    assert (folder.user, folder.group, folder.mode) == (owner or role.name, role.name, 0o750)
    assert folder.listdir() == []


def test_nothing_but_what_is_locked_is_installed(host: Host, role: Role) -> None:
    locks = [REPOSITORY / "services" / room / "requirements.lock" for room in (role.name, "boot")]
    locked = {
        (re.sub(r"[-_.]+", "-", name).lower(), version)
        for lock in locks
        for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(), re.M)
    }
    packages = json.loads(host.file("/opt/mlops/manifest.json").content_string)["packages"]
    assert set(packages.items()) - locked <= {("mlops-object-storage", "1")}
    assert packages


def test_no_other_roles_code_and_units_are_there(host: Host, role: Role) -> None:
    others = [other for other in ROLES if other != role]
    there = {*host.file("/opt/mlops/app/services").listdir(), *host.file("/etc/systemd/system").listdir()}
    assert role.name in there
    assert not there & {other.name for other in others}
    assert not there & {f"{service.name}.service" for other in others for service in other.services}


def test_what_was_baked_is_written_down_in_it(host: Host, role: Role) -> None:
    names = ("manifest.json", "sbom.cdx.json")
    manifest, bill = (host.file(f"/opt/mlops/{name}").content_string for name in names)
    baked = json.loads(manifest)
    facts = json.loads((REPOSITORY / "dist/images" / role.name / "bake.pkrvars.json").read_text())
    assert facts.items() <= baked.items()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    named = {(each["name"], each["version"]) for each in json.loads(bill)["components"]}
    assert named == {*baked["packages"].items(), *baked["system_packages"].items()}


def test_every_service_starts_or_asks_for_its_settings(host: Host, role: Role) -> None:
    for service in role.services:
        command = f"{PYTHON} -m {service.module} {' '.join(service.arguments)}"
        started = host.run(f"cd /opt/mlops/app && env --ignore-environment timeout 20 {command}")
        assert started.rc in (EX_CONFIG, TIMED_OUT), started


def test_every_unit_of_the_role_is_enabled_and_sound(host: Host, role: Role) -> None:
    units = ["mlops-first-boot", *(service.name for service in role.services)]
    assert all(host.service(unit).is_enabled for unit in (*units, "firewalld"))
    verified = host.run(f"systemd-analyze verify {' '.join(f'{unit}.service' for unit in units)}")
    assert verified.rc == 0, verified
    if host.system_info.distribution == "debian":  # Oracle Linux 8 does not know the sandbox's newest words
        assert "mlops" not in verified.stderr, verified


def test_the_firewall_opens_the_roles_ports_and_ssh(host: Host, role: Role) -> None:
    zone = "firewall-offline-cmd --zone=public"
    ports = {f"{service.port}/tcp" for service in role.services if service.port}
    assert set(host.check_output(f"{zone} --list-ports").split()) == ports
    assert set(host.check_output(f"{zone} --list-services").split()) == {"ssh", "dhcpv6-client"}
    assert host.check_output("firewall-offline-cmd --get-default-zone") == "public"


def test_the_code_is_roots_and_no_tests_are_in_it(host: Host) -> None:
    assert not host.check_output("find /opt/mlops -not -user root -or -perm /022 -not -type l")
    assert not host.check_output("find /opt/mlops/app -name 'test_*' -or -name 'conftest*' -or -name rootfs")


def test_bytecode_is_there_for_all_code(host: Host) -> None:
    missing = host.check_output(
        f"{PYTHON} -c 'from importlib.util import cache_from_source as cached; from pathlib import Path; "
        'print([str(p) for p in Path("/opt/mlops/app").rglob("*.py") if not Path(cached(p)).exists()])\''
    )
    assert missing == "[]"


def test_what_the_sdk_is_used_for_is_left_in_it(host: Host) -> None:
    used = (
        *("oci.object_storage.ObjectStorageClient", "oci.secrets.SecretsClient", "oci.pagination"),
        *("oci.auth.signers.InstancePrincipalsSecurityTokenSigner", "oci.auth.signers.SecurityTokenSigner"),
    )
    assert host.run(f"{PYTHON} -c 'import oci; {', '.join(used)}'").rc == 0


def test_no_compiler_is_there(host: Host) -> None:
    compilers = ("cc", "gcc", "g++", "c++", "clang", "ld", "go", "rustc")
    assert not [name for name in compilers if host.exists(name)]


def test_selinux_enforces_and_every_label_is_in_its_place(host: Host) -> None:
    if not host.exists("getenforce") or host.check_output("getenforce") == "Disabled":
        pytest.skip("this system has no SELinux")
    assert host.check_output("getenforce") == "Enforcing"
    assert not host.check_output("restorecon -R -n -v /opt/mlops /etc/mlops /usr/lib/mlops /var/lib/mlops")
