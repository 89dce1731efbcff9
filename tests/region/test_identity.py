import base64

import oci
import pytest
import requests
from oci.auth.signers import InstancePrincipalsSecurityTokenSigner
from oci.exceptions import ServiceError
from oci.object_storage import ObjectStorageClient
from oci.object_storage.models import CreateBucketDetails

from tests.region.certificates import Issued
from tests.region.metadata import Instance
from tests.region.policies import Verb
from tests.region.region import Loopback, Region


@pytest.fixture
def instance(region: Region) -> Instance:
    return region.launch("127.0.0.1", contract={"db_host": "db.example"})


def as_instance(loopback: Loopback) -> ObjectStorageClient:
    signer = InstancePrincipalsSecurityTokenSigner(federation_endpoint=loopback.federation_endpoint)
    none = oci.retry.NoneRetryStrategy()
    return ObjectStorageClient({}, signer=signer, service_endpoint=loopback.endpoint, retry_strategy=none)


def test_an_instance_has_the_rights_it_is_given(
    region: Region, loopback: Loopback, instance: Instance, storage: ObjectStorageClient
) -> None:
    storage.create_bucket("simspace", CreateBucketDetails(name="mine", compartment_id=region.compartment))
    storage.put_object("simspace", "mine", "a", b"data")
    client = as_instance(loopback)
    with pytest.raises(ServiceError) as refused:
        client.get_object("simspace", "mine", "a")
    assert (refused.value.status, refused.value.code) == (404, "BucketNotFound")
    region.policies.allow(instance.id, Verb.READ, "objects", "mine")
    assert client.get_object("simspace", "mine", "a").data.content == b"data"
    with pytest.raises(ServiceError):
        client.put_object("simspace", "mine", "b", b"data")
    region.policies.withdraw(instance.id)
    with pytest.raises(ServiceError):
        client.get_object("simspace", "mine", "a")
    client.base_client.session.close()


def test_a_policy_may_take_its_time(region: Region) -> None:
    region.policies.allow("somebody", Verb.READ, "buckets", after=3600)
    assert not region.policies.permit("somebody", Verb.READ, "buckets", "b")
    region.policies.allow("somebody", Verb.USE, "buckets")
    assert region.policies.permit("somebody", Verb.READ, "buckets", "b")
    assert not region.policies.permit("somebody", Verb.MANAGE, "buckets", "b")


def test_a_token_is_renewed_when_it_has_expired(
    region: Region, loopback: Loopback, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(region.identity, "token_lifetime", 30.0)
    client = as_instance(loopback)
    first = client.base_client.signer.api_key
    assert client.get_namespace().data == "simspace"
    assert client.base_client.signer.api_key != first
    client.base_client.session.close()


def test_certificates_of_another_region_are_refused(
    region: Region, loopback: Loopback, instance: Instance
) -> None:
    root = Issued.root("opc-identity-root")
    intermediate = root.issue("opc-identity-intermediate", authority=True)
    units = [f"opc-instance:{instance.id}", f"opc-tenant:{region.tenancy}"]
    forged = Instance(
        instance.id,
        instance.address,
        instance.compartment,
        "forged",
        intermediate.issue(instance.id, units=units),
    )
    region.metadata.add(forged)
    with pytest.raises(ServiceError) as refused:
        as_instance(loopback)
    assert refused.value.status == 401
    assert "not issued by this region" in refused.value.message


def test_a_federation_request_needs_its_fields(region: Region, loopback: Loopback) -> None:
    url, trusted = loopback.federation_endpoint, str(region.authority_file)
    for body, words in (({}, "body.certificate is required"), ([], "must be an object")):
        answer = requests.post(url, json=body, verify=trusted, timeout=10)
        assert answer.status_code == 400
        assert words in answer.json()["message"]
    nonsense = {"certificate": base64.b64encode(b"nonsense").decode(), "publicKey": "eA=="}
    assert requests.post(url, json=nonsense, verify=trusted, timeout=10).status_code in (400, 401)
