"""A region on loopback, and clients of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import oci
import pytest
from oci.object_storage import ObjectStorageClient

from tests.region.region import Loopback, Region, User

Client = Callable[[User], ObjectStorageClient]


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    with pytest.MonkeyPatch.context() as patch:
        region = Region(tmp_path_factory.mktemp("region"))
        for name, value in region.environment.items():
            patch.setenv(name, value)
        yield region


@pytest.fixture(scope="module")
def loopback(region: Region) -> Iterator[Loopback]:
    with region.on_loopback() as loopback, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OCI_METADATA_BASE_URL", loopback.metadata_url)
        yield loopback


@pytest.fixture(scope="module")
def administrator(region: Region) -> User:
    return region.add_user(administrator=True)


@pytest.fixture(scope="module")
def storage(region: Region, loopback: Loopback, administrator: User) -> Iterator[ObjectStorageClient]:
    """Object Storage as the administrator has it, by API key."""
    client = object_storage(region.config_file(administrator), loopback)
    yield client
    client.base_client.session.close()


def object_storage(config: Path, loopback: Loopback) -> ObjectStorageClient:
    """An SDK client by a configuration file, without retries so that what is refused is seen at once."""
    return ObjectStorageClient(
        oci.config.from_file(str(config)),
        service_endpoint=loopback.endpoint,
        retry_strategy=oci.retry.NoneRetryStrategy(),
    )
