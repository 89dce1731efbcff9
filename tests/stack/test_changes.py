"""What a change of each variable does to what is there: nearly all of it stays in place."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.region.region import Region
from tests.stack.conftest import add_image
from tests.stack.deployment import Deployment
from tests.stack.test_variables import VARIABLES

pytestmark = [pytest.mark.root, pytest.mark.timeout(600)]

CUSTOM = {"size": "custom"}
IMAGES = ("mlflow", "airflow", "serving")
URLS = {f"{role}_image_url": f"https://objectstorage.example.org/{role}" for role in IMAGES}
CHANGES: dict[str, Mapping[str, Any]] = {
    "name": {"name": "other"},
    "size": {"size": "standard"},
    "instance_shape": {**CUSTOM, "instance_shape": "VM.Standard.E5.Flex"},
    "instance_ocpus": {**CUSTOM, "instance_ocpus": 2},
    "instance_memory_in_gbs": {**CUSTOM, "instance_memory_in_gbs": 16},
    "boot_volume_size_in_gbs": {**CUSTOM, "boot_volume_size_in_gbs": 100},
    "mysql_shape": {**CUSTOM, "mysql_shape": "MySQL.4"},
    "mysql_storage_size_in_gbs": {**CUSTOM, "mysql_storage_size_in_gbs": 100},
    "load_balancer_bandwidth_in_mbps": {**CUSTOM, "load_balancer_bandwidth_in_mbps": 100},
    "availability_domain": {"availability_domain": "sim:SIM-1-AD-2"},
    "allowed_cidrs": {"allowed_cidrs": ["198.51.100.0/24"]},
    "public_host_name": {"public_host_name": "mlops.example.org"},
    "vcn_cidr": {"vcn_cidr": "10.1.0.0/16"},
    "create_bastion": {"create_bastion": False},
    "dags_may_reach_internet": {"dags_may_reach_internet": False},
    "mysql_high_availability": {"mysql_high_availability": True},
    "mysql_delete_protection": {"mysql_delete_protection": True},
    "mysql_final_backup": {"mysql_final_backup": True},
    "buckets_at_destroy": {"buckets_at_destroy": "purge"},
    "keep_old_versions_in_days": {"keep_old_versions_in_days": 31},
    "keep_task_logs_in_days": {"keep_task_logs_in_days": 31},
    "create_iam": {"create_iam": False},
    "alarm_email": {"alarm_email": "someone@example.org"},
    "image_source": {"image_source": "url", **URLS},
}
ELSEWHERE = {
    "tenancy_ocid": "fixed by where the stack is",
    "compartment_ocid": "fixed by where the stack is",
    "region": "fixed by where the stack is",
    "vcn_ocid": "another network is asked for: test_another_network_is_another_database",
    "public_subnet_ocid": "with vcn_ocid",
    "private_subnet_ocid": "with vcn_ocid",
    "certificate_ocid": "test_a_certificate_of_ones_own_replaces_the_authority",
    "image_compartment_ocid": "decides which images are the newest: test_newer_images_stay_in_place",
    **{f"{role}_image_{kind}": "with image_source" for role in IMAGES for kind in ("url", "ocid")},
}
REPLACED: dict[str, set[str]] = {
    "availability_domain": {"oci_core_instance", "oci_load_balancer_backend", "terraform_data"},
    "public_host_name": {"oci_certificates_management_certificate", "terraform_data"},
}
"""The kinds of which a change makes new ones: machines hold no data, a certificate is for one host."""
DESTROYED: dict[str, set[str]] = {
    "allowed_cidrs": {"oci_core_network_security_group_security_rule"},
    "create_bastion": {"oci_bastion_bastion", "oci_core_network_security_group_security_rule"},
    "dags_may_reach_internet": {"oci_core_network_security_group_security_rule"},
    "create_iam": {"oci_identity_dynamic_group", "oci_identity_policy"},
}
"""The kinds of which some go: what the variable itself asks for."""
DATA = ("oci_mysql_", "oci_objectstorage_", "oci_kms_", "oci_vault_")


@pytest.fixture(scope="module")
def applied(deployment: Deployment) -> Deployment:
    deployment.apply()
    return deployment


def kinds(plan: Mapping[str, str], action: str) -> set[str]:
    return {re.split(r"[.\[]", address)[0] for address, done in plan.items() if done == action}


def test_every_variable_is_changed_here_or_said_why_not() -> None:
    assert sorted({*CHANGES, *ELSEWHERE}) == sorted(VARIABLES)


def test_a_plan_after_the_apply_is_empty(applied: Deployment) -> None:
    assert "No changes. Your infrastructure matches the configuration." in applied.plan_said()


@pytest.mark.parametrize("variable", CHANGES)
def test_a_change_stays_in_place_or_replaces_what_is_listed(applied: Deployment, variable: str) -> None:
    plan = applied.plan(**CHANGES[variable])
    assert kinds(plan, "replaced") == REPLACED.get(variable, set())
    assert kinds(plan, "destroyed") == DESTROYED.get(variable, set())
    assert plan or variable == "vcn_cidr", "the variable has no effect"


def test_newer_images_stay_in_place(region: Region, applied: Deployment) -> None:
    newer = [add_image(region, role, "newer") for role in IMAGES]
    plan = applied.plan()
    for image in newer:
        region.resources.by_id(image)[0].move("DELETED", None, 0)
    assert plan == {f'oci_core_instance.of["{role}"]': "updated" for role in IMAGES}


def test_a_certificate_of_ones_own_replaces_the_authority(applied: Deployment) -> None:
    plan = applied.plan(certificate_ocid="ocid1.certificate.oc99..own")
    assert kinds(plan, "replaced") == set()
    assert "oci_certificates_management_certificate_authority" in kinds(plan, "destroyed")
    assert not [kind for kind in kinds(plan, "destroyed") if kind.startswith(DATA[:2])]


def test_another_network_is_another_database(applied: Deployment) -> None:
    """It is the one change that touches data, and the plan says so: docs/deploy.md, *Change it*."""
    outputs = applied.outputs
    own = {
        "vcn_ocid": outputs["vcn_id"],
        "public_subnet_ocid": outputs["subnet_ids"]["public"],
        "private_subnet_ocid": outputs["subnet_ids"]["services"],
    }
    plan = applied.plan(**own)
    assert plan["oci_mysql_mysql_db_system.this"] == "replaced"
    assert not [kind for kind in kinds(plan, "replaced") if kind.startswith(DATA[1:])]
