import json
from importlib.metadata import version
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from packer.provision.describe import bill_of_materials, python_packages, weights

BAKED = {
    "role": "example",
    "version": "0.1.0",
    "commit": "c0ffee",
    "lock": "sha256:00",
    "baked_at": "2026-11-23T16:00:00+00:00",
    "packages": {"python-dateutil": "2.9.0.post0"},
    "system_packages": {"libstdc++6": "12.2.0-14+deb12u1"},
}


@pytest.mark.parametrize(
    ("system", "prefix"), [("debian 12", "pkg:deb/debian/"), ("ol 8.10", "pkg:rpm/oraclelinux/")]
)
def test_the_bill_of_materials_is_valid_and_names_all_packages(system: str, prefix: str) -> None:
    bill = bill_of_materials({**BAKED, "system": system})
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    purls = [component["purl"] for component in bill["components"]]
    assert purls[0] == "pkg:pypi/python-dateutil@2.9.0.post0"
    assert purls[1].startswith(f"{prefix}libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?distro=")


def test_the_same_image_has_the_same_serial_number() -> None:
    once, again = (bill_of_materials({**BAKED, "system": "debian 12"}) for _ in range(2))
    assert once == again


def test_packages_are_listed_by_their_normal_names() -> None:
    assert python_packages()["python-dateutil"] == version("python-dateutil")


def test_packages_weigh_what_their_files_take_with_bytecode(tmp_path: Path) -> None:
    for name in ("oci/core.py", "oci/__pycache__/core.pyc", "frame.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"#" * 10_000)
    found = weights(tmp_path)
    assert found["oci"] >= 20_000
    assert found["packages"] >= found["oci"] + 10_000
