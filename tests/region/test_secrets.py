import base64
from collections.abc import Iterator

import oci
import pytest
from oci.exceptions import ServiceError
from oci.secrets import SecretsClient

from tests.region.policies import Verb
from tests.region.region import Loopback, Region, User


@pytest.fixture
def reader(region: Region) -> User:
    return region.add_user()


@pytest.fixture
def secrets(region: Region, loopback: Loopback, reader: User) -> Iterator[SecretsClient]:
    client = SecretsClient(
        oci.config.from_file(str(region.config_file(reader))),
        service_endpoint=loopback.endpoint,
        retry_strategy=oci.retry.NoneRetryStrategy(),
    )
    yield client
    client.base_client.session.close()


def value(bundle: oci.secrets.models.SecretBundle) -> str:
    return base64.b64decode(bundle.secret_bundle_content.content).decode()


def test_a_secret_is_read_by_whom_it_is_for(region: Region, secrets: SecretsClient, reader: User) -> None:
    allowed, other = region.add_secret("db", "p#ss/wörd '1"), region.add_secret("other", "x")
    region.policies.allow(reader.id, Verb.READ, "secret-bundles", allowed.id)
    assert value(secrets.get_secret_bundle(allowed.id).data) == "p#ss/wörd '1"
    for secret_id in (other.id, "ocid1.vaultsecret.oc99..nothing"):
        with pytest.raises(ServiceError) as refused:
            secrets.get_secret_bundle(secret_id)
        assert (refused.value.status, refused.value.code) == (404, "NotAuthorizedOrNotFound")


def test_the_newest_value_is_current(region: Region, secrets: SecretsClient, reader: User) -> None:
    secret = region.add_secret("rotating", "old")
    secret.put("new")
    region.policies.allow(reader.id, Verb.READ, "secret-bundles")
    assert value(secrets.get_secret_bundle(secret.id).data) == "new"
    assert value(secrets.get_secret_bundle(secret.id, stage="PREVIOUS").data) == "old"
    assert value(secrets.get_secret_bundle(secret.id, version_number=1).data) == "old"
    by_name = secrets.get_secret_bundle_by_name("rotating", secret.vault).data
    assert (value(by_name), by_name.version_number) == ("new", 2)
    versions = secrets.list_secret_bundle_versions(secret.id).data
    assert [each.version_number for each in versions] == [2, 1]
    with pytest.raises(ServiceError):
        secrets.get_secret_bundle(secret.id, version_number=3)
