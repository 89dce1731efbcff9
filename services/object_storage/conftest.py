"""A region on loopback, with one bucket and a client that is set up as the services' own is."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from oci.object_storage.models import CreateBucketDetails

from services.object_storage.bucket import Bucket
from services.object_storage.client import _client_of_process, client
from services.object_storage.location import Location
from tests.region.region import Region

LOCATION = "oci://things@simspace"

# Airflow writes into this folder as soon as it is imported.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-"))


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    region = Region(tmp_path_factory.mktemp("region"))
    config = region.config_file(region.add_user(administrator=True))
    with pytest.MonkeyPatch.context() as patch, region.on_loopback() as loopback:
        for name, value in region.environment.items():
            patch.setenv(name, value)
        patch.setenv("OBJECT_STORAGE_ENDPOINT", loopback.endpoint)
        patch.setenv("OBJECT_STORAGE_AUTH", "api_key")
        patch.setenv("OCI_CONFIG_FILE", str(config))
        _client_of_process.cache_clear()
        storage = client()
        storage.create_bucket(
            "simspace", CreateBucketDetails(name="things", compartment_id=region.compartment)
        )
        yield region
        storage.base_client.session.close()


@pytest.fixture
def bucket(region: Region) -> Iterator[Bucket]:
    """The bucket, empty."""
    bucket = Bucket(Location.parse(LOCATION))
    yield bucket
    region.faults.clear()
    for entry in bucket.entries(""):
        bucket.delete(entry.name)
    kept = region.object_storage.store.buckets["things"]
    assert not kept.uploads, "a test left an unfinished upload behind"


@pytest.fixture
def big_file(tmp_path: Path) -> Path:
    """Larger than two parts, not a multiple of one, and different everywhere."""
    file = tmp_path / "big.bin"
    with file.open("wb") as stream:
        for number in range(70):
            stream.write(bytes([number]) * (1 << 20))
        stream.write(b"the end")
    return file
