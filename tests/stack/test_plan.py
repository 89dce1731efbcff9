"""What the stack would make, in each profile, and what it refuses to plan."""

from collections.abc import Mapping
from typing import Any

import pytest
from oci.core import VirtualNetworkClient
from oci.core.models import CreateSubnetDetails, CreateVcnDetails

from services.roles import ROLES
from tests.region.region import Region
from tests.stack.conftest import add_image
from tests.stack.deployment import Deployment, JobFailed, planned

pytestmark = [pytest.mark.root, pytest.mark.timeout(600)]

FREE = "VM.Standard.A1.Flex"
CUSTOM = {
    "size": "custom",
    "instance_shape": "VM.Standard.E5.Flex",
    "instance_ocpus": 3,
    "instance_memory_in_gbs": 24,
    "boot_volume_size_in_gbs": 120,
    "mysql_shape": "MySQL.8",
    "mysql_storage_size_in_gbs": 200,
    "load_balancer_bandwidth_in_mbps": 400,
    "mysql_high_availability": True,
}
PROFILES: list[tuple[Mapping[str, Any], tuple[str, ...]]] = [
    ({"size": "small"}, ("VM.Standard.E4.Flex", "MySQL.2", "memory_in_gbs = 8")),
    ({"size": "standard"}, ("VM.Standard.E5.Flex", "MySQL.4", "memory_in_gbs = 16")),
    ({"size": "free"}, (FREE, "MySQL.Free", "memory_in_gbs = 4")),
    (CUSTOM, ("VM.Standard.E5.Flex", "MySQL.8", "memory_in_gbs = 24", "maximum_bandwidth_in_mbps = 400")),
]


@pytest.fixture(scope="module")
def vcn(deployment: Deployment) -> dict[str, str]:
    """Somebody's own network, as the form takes it."""
    network = deployment.client(VirtualNetworkClient)
    compartment = deployment.region.compartment
    made = network.create_vcn(
        CreateVcnDetails(compartment_id=compartment, cidr_block="10.9.0.0/16", dns_label="own")
    ).data
    subnets = {
        name: network.create_subnet(
            CreateSubnetDetails(
                compartment_id=compartment,
                vcn_id=made.id,
                cidr_block=f"10.9.{number}.0/24",
                dns_label=name,
                prohibit_public_ip_on_vnic=name == "private",
            )
        ).data.id
        for number, name in enumerate(("public", "private"))
    }
    return {"vcn_ocid": made.id, **{f"{name}_subnet_ocid": subnet for name, subnet in subnets.items()}}


def kinds(planned_: Mapping[str, str]) -> set[str]:
    """The types of the resources in a plan that only makes things."""
    assert set(planned_.values()) == {"created"}
    return {address.split(".")[0] for address in planned_}


@pytest.mark.parametrize(("variables", "said"), PROFILES, ids=[each["size"] for each, _ in PROFILES])
def test_each_size_is_planned_with_its_own_machines_and_database(
    deployment: Deployment, variables: Mapping[str, Any], said: tuple[str, ...]
) -> None:
    plan = deployment.plan_said(**variables)
    assert {"oci_core_instance", "oci_mysql_mysql_db_system", "oci_core_vcn"} <= kinds(dict(planned(plan)))
    for each in said:
        assert each in plan, each


def test_an_existing_network_is_used_as_it_is(deployment: Deployment, vcn: dict[str, str]) -> None:
    made = kinds(deployment.plan(**vcn))
    assert "oci_core_instance" in made
    assert not made & {"oci_core_vcn", "oci_core_subnet", "oci_core_nat_gateway", "oci_core_route_table"}


def test_who_may_not_create_iam_gets_none(deployment: Deployment) -> None:
    made = kinds(deployment.plan(create_iam=False))
    assert not [kind for kind in made if kind.startswith("oci_identity_")]


def test_a_certificate_of_ones_own_needs_no_authority(deployment: Deployment) -> None:
    made = kinds(deployment.plan(certificate_ocid="ocid1.certificate.oc99..own"))
    assert not [kind for kind in made if kind.startswith("oci_certificates_")]


def test_images_are_imported_from_addresses(deployment: Deployment) -> None:
    urls = {f"{role.name}_image_url": f"https://objectstorage.example.org/{role.name}" for role in ROLES}
    plan = deployment.plan(image_source="url", **urls)
    assert [address for address in plan if address.startswith("oci_core_image.imported[")]


def test_images_are_taken_by_their_ocids(region: Region, deployment: Deployment) -> None:
    ocids = {f"{role.name}_image_ocid": add_image(region, role.name, "given") for role in ROLES}
    assert "oci_core_image" not in kinds(deployment.plan(image_source="ocid", **ocids))


def test_machines_go_where_their_shape_is_offered(region: Region, deployment: Deployment) -> None:
    first, second, _ = region.infrastructure.places.availability_domains
    region.infrastructure.places.not_offered = {(first, "VM.Standard.E4.Flex")}
    try:
        plan = deployment.plan_said()
    finally:
        region.infrastructure.places.not_offered = set()
    assert (
        f'+ resource "terraform_data" "placement" {{ + id = (known after apply) + input = "{second}"' in plan
    )


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"image_source": "ocid"},
            'No image for mlflow on VM.Standard.E4.Flex with image_source "ocid": one is expected.',
        ),
        (
            {"image_source": "url"},
            "mlflow_image_url is empty: the address of an image is expected. Remedy: give it",
        ),
        (
            {"size": "free", "mysql_high_availability": True},
            "mysql_high_availability is true with MySQL.Free: false is expected, it has one node. Remedy: ",
        ),
        (
            {"availability_domain": "sim:SIM-1-AD-9"},
            'availability_domain is "sim:SIM-1-AD-9": one that offers VM.Standard.E4.Flex is expected',
        ),
        (
            {"instance_shape": "VM.Standard.E6.Flex", "size": "custom"},
            "No availability domain of sim-1 offers VM.Standard.E6.Flex: one that does is expected. Remedy: ",
        ),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, dict) else "",
)
def test_what_cannot_be_is_refused_in_a_sentence(
    deployment: Deployment, variables: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(JobFailed) as failed:
        deployment.plan(**variables)
    assert sentence in str(failed.value)


def test_an_incomplete_network_is_refused_in_a_sentence(deployment: Deployment, vcn: dict[str, str]) -> None:
    wrong = {
        "vcn_ocid is given without public_subnet_ocid and private_subnet_ocid: both are expected": {
            "vcn_ocid": vcn["vcn_ocid"]
        },
        "private_subnet_ocid is no private subnet: one is expected": {
            **vcn,
            "private_subnet_ocid": vcn["public_subnet_ocid"],
        },
    }
    for sentence, variables in wrong.items():
        with pytest.raises(JobFailed) as failed:
            deployment.plan(**variables)
        assert sentence in str(failed.value)
