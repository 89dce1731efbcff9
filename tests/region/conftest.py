"""A region on loopback, and clients of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import oci
import pytest
from oci.object_storage import ObjectStorageClient

from tests.region.cli import install
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


@pytest.fixture(scope="module")
def connect(region: Region, loopback: Loopback, administrator: User) -> Iterator[Callable[..., Any]]:
    """Makes SDK clients of any class, the administrator's unless a user is given."""
    clients = []

    def connect(kind: type, user: User = administrator) -> Any:
        config = oci.config.from_file(str(region.config_file(user)))
        endpoint = {"service_endpoint": loopback.endpoint, "retry_strategy": oci.retry.NoneRetryStrategy()}
        clients.append(kind(config, **endpoint))
        return clients[-1]

    yield connect
    for client in clients:
        client.base_client.session.close()


@pytest.fixture(scope="session")
def oci_command() -> Path:
    """The `oci` command, installed when it is nowhere."""
    if (found := install()) is None:
        pytest.skip("oci-cli is not here, and cannot be installed from a package index")
    return found


def object_storage(config: Path, loopback: Loopback) -> ObjectStorageClient:
    """An SDK client by a configuration file, without retries so that what is refused is seen at once."""
    return ObjectStorageClient(
        oci.config.from_file(str(config)),
        service_endpoint=loopback.endpoint,
        retry_strategy=oci.retry.NoneRetryStrategy(),
    )
