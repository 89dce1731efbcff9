"""A region with golden images that are records alone, and the stack in it, as its zip is uploaded."""

from collections.abc import Iterator

import pytest

from services.roles import ROLES
from tests.region import network, terraform
from tests.region.cli import install
from tests.region.region import Region
from tests.stack.deployment import Deployment, deployed


@pytest.fixture(scope="session")
def able() -> None:
    """Terraform, the provider, namespaces and Resource Manager's own `oci` command are here."""
    if reason := terraform.missing() or network.available():
        pytest.skip(reason)
    if install() is None:
        pytest.skip("oci-cli is not here, and cannot be installed from a package index")


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Region:
    region = Region(tmp_path_factory.mktemp("region"))
    for role in ROLES:
        add_image(region, role.name, "one")
    return region


@pytest.fixture(scope="module")
def deployment(able: None, region: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("stack"), region) as made:
        yield made


def add_image(region: Region, role: str, name: str) -> str:
    """A golden image as a bake names and tags it; returns its OCID."""
    images = region.infrastructure.compute.images
    return images.add(f"mlops-{role}-{name}", compartment=region.compartment, freeformTags={"role": role}).id
