"""Every variable: a description, a type, and a validation that ends in a sentence."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.region.terraform import missing, terraform
from tests.stack.hcl import STACK, stack

VARIABLES = {block.labels[0]: block for block in stack().of("variable")}
GIVEN: dict[str, Any] = {
    "tenancy_ocid": "ocid1.tenancy.oc1..aaaa",
    "compartment_ocid": "ocid1.compartment.oc1..aaaa",
    "region": "eu-frankfurt-1",
    "allowed_cidrs": ["203.0.113.7/32"],
}
REFUSED: list[tuple[str, Any]] = [
    ("tenancy_ocid", "acme"),
    ("compartment_ocid", "ocid1.vcn.oc1..aaaa"),
    ("region", "Frankfurt"),
    ("name", "M"),
    ("name", "a-name-that-is-far-too-long"),
    ("size", "huge"),
    ("instance_shape", "VM.Standard2.1"),
    ("instance_ocpus", 1.5),
    ("instance_memory_in_gbs", 1),
    ("boot_volume_size_in_gbs", 10),
    ("mysql_shape", "MySQL.VM.Standard.E4.1.8GB"),
    ("mysql_storage_size_in_gbs", 20),
    ("load_balancer_bandwidth_in_mbps", 5),
    ("availability_domain", "1"),
    ("allowed_cidrs", []),
    ("allowed_cidrs", ["203.0.113.7"]),
    ("public_host_name", "https://mlops.example.org"),
    ("certificate_ocid", "ocid1.key.oc1..aaaa"),
    ("vcn_ocid", "vcn"),
    ("public_subnet_ocid", "subnet"),
    ("private_subnet_ocid", "subnet"),
    ("vcn_cidr", "10.0.0.0/28"),
    ("buckets_at_destroy", "maybe"),
    ("keep_old_versions_in_days", 0),
    ("keep_task_logs_in_days", 0),
    ("image_source", "marketplace"),
    ("image_compartment_ocid", "images"),
    ("mlflow_image_url", "http://example.org/image"),
    ("airflow_image_ocid", "image"),
    ("alarm_email", "nobody"),
]

needs_terraform = pytest.mark.skipif(terraform() is None, reason=missing() or "")


@pytest.mark.parametrize("name", VARIABLES)
def test_it_is_described_typed_and_validated(name: str) -> None:
    block = VARIABLES[name]
    assert {"description", "type"} <= block.attributes.keys()
    sentence = block.of("validation")[0].attributes["error_message"]
    for part in (f'"{name} is ${{', " expected", "Remedy: "):
        assert part in sentence


@pytest.fixture(scope="module")
def variables_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration of variables.tf and nothing else: no provider, no cloud."""
    folder = tmp_path_factory.mktemp("variables")
    (folder / "variables.tf").write_text((STACK / "variables.tf").read_text())
    return folder


def plan(folder: Path, values: dict[str, Any]) -> tuple[int, str]:
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    command = [
        terraform() or "",
        f"-chdir={folder}",
        "plan",
        "-input=false",
        "-no-color",
        f"-var-file={file}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).replace("│", " ").split())


@needs_terraform
def test_what_resource_manager_fills_in_and_a_network_is_enough(variables_alone: Path) -> None:
    status, said = plan(variables_alone, GIVEN)
    assert status == 0, said


@needs_terraform
@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_bad_value_gets_a_sentence(variables_alone: Path, name: str, value: object) -> None:
    status, said = plan(variables_alone, {**GIVEN, name: value})
    assert status == 1
    assert f"{name} is {json.dumps(value, separators=(',', ':'))}: " in said
    assert "Remedy: " in said
