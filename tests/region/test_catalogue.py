from typing import Any

import oci
import pytest

from tests.region import catalogue
from tests.region.errors import ServiceError

DETAILS = oci.object_storage.models.CreateBucketDetails


def test_operations_are_what_the_sdk_says() -> None:
    api = catalogue.api(oci.secrets.SecretsClient)
    assert api.host == "secrets.vaults.{region}.oci.{secondLevelDomain}"
    by_id = {operation.id: operation for operation in api.operations}
    assert by_id.keys() == {"GetSecretBundle", "GetSecretBundleByName", "ListSecretBundleVersions"}
    assert by_id["GetSecretBundle"].path.fullmatch("/20190301/secretbundles/ocid1")
    assert by_id["GetSecretBundleByName"].required == ("secretName", "vaultId")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"name": "a"}, "MissingParameter", "body.compartmentId is required"),
        ({"name": "a", "compartmentId": "c", "colour": 1}, "CannotParseRequest", "no field colour"),
        ({"name": 1, "compartmentId": "c"}, "InvalidParameter", "body.name must be of type str"),
        (
            {"name": "a", "compartmentId": "c", "storageTier": "Cold"},
            "InvalidParameter",
            "must be None or one of",
        ),
        (
            {"name": "a", "compartmentId": "c", "freeformTags": {"k": 1}},
            "InvalidParameter",
            "freeformTags['k']",
        ),
        ({"name": "a", "compartmentId": "c", "objectEventsEnabled": 1}, "InvalidParameter", "type bool"),
        ([], "CannotParseRequest", "must be an object"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_in_words(body: Any, code: str, message: str) -> None:
    with pytest.raises(ServiceError) as refused:
        catalogue.check(body, DETAILS)
    assert refused.value.status == 400
    assert refused.value.code == code
    assert message in refused.value.message


def test_nested_models_are_checked() -> None:
    details = oci.object_storage.models.CommitMultipartUploadDetails
    catalogue.check({"partsToCommit": [{"partNum": 1, "etag": "e"}]}, details)
    with pytest.raises(ServiceError, match=r"body.partsToCommit\[0\].etag is required"):
        catalogue.check({"partsToCommit": [{"partNum": 1}]}, details)
