import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oci
import pytest
import requests
from oci.exceptions import ServiceError
from oci.signer import Signer

from tests.region.certificates import private_key, private_pem
from tests.region.conftest import object_storage
from tests.region.region import Loopback, Region, User


@pytest.fixture
def session(region: Region) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.verify = str(region.authority_file)
        yield session


def signer(region: Region, user: User, /, **changed: Any) -> Signer:
    given = {
        "tenancy": region.tenancy,
        "user": user.id,
        "fingerprint": user.fingerprint,
        "private_key_file_location": None,
        "private_key_content": private_pem(user.key).decode(),
    }
    return Signer(**given | changed)


def test_a_good_signature_is_let_in(
    session: requests.Session, region: Region, loopback: Loopback, administrator: User
) -> None:
    answer = session.get(f"{loopback.endpoint}/n", auth=signer(region, administrator))
    assert answer.json() == "simspace"
    assert answer.headers["opc-request-id"].count("/") == 2


@pytest.mark.parametrize(
    "header",
    [None, "Bearer x", "Signature x", 'Signature keyId="k",algorithm="hmac",headers="date",signature="eA=="'],
)
def test_without_one_nobody_is(session: requests.Session, loopback: Loopback, header: str | None) -> None:
    answer = session.get(f"{loopback.endpoint}/n", headers={"authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.json()["code"] == "NotAuthenticated"


@pytest.mark.parametrize("changed", ["tenancy", "user", "fingerprint"])
def test_an_unknown_key_id_is_refused(
    session: requests.Session, region: Region, loopback: Loopback, administrator: User, changed: str
) -> None:
    stranger = signer(region, administrator, **{changed: "ocid1.else"})
    assert session.get(f"{loopback.endpoint}/n", auth=stranger).status_code == 401


def test_another_private_key_is_refused(
    session: requests.Session, region: Region, loopback: Loopback, administrator: User
) -> None:
    forged = signer(region, administrator, private_key_content=private_pem(private_key()).decode())
    answer = session.get(f"{loopback.endpoint}/n", auth=forged)
    assert answer.status_code == 401
    assert "does not match" in answer.json()["message"]


def changed_after_signing(signature: Signer, **changes: Any) -> Any:
    def sign(request: Any) -> Any:
        signed = signature(request)
        for name, value in changes.items():
            setattr(signed, name, value)
        return signed

    return sign


def test_a_request_changed_on_its_way_is_refused(
    session: requests.Session, region: Region, loopback: Loopback, administrator: User
) -> None:
    good = signer(region, administrator)
    elsewhere = changed_after_signing(good, url=f"{loopback.endpoint}/n/simspace")
    assert session.get(f"{loopback.endpoint}/n", auth=elsewhere).status_code == 401
    body = f'{{"name": "aaaa", "compartmentId": "{region.compartment}"}}'
    other = changed_after_signing(good, body=body.replace("aaaa", "bbbb"))
    answer = session.post(f"{loopback.endpoint}/n/simspace/b", data=body, auth=other)
    assert answer.status_code == 401
    assert "x-content-sha256" in answer.json()["message"]


def test_an_old_request_is_refused(
    session: requests.Session, region: Region, loopback: Loopback, administrator: User
) -> None:
    an_hour_ago = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() - 3600))
    answer = session.get(
        f"{loopback.endpoint}/n", headers={"date": an_hour_ago}, auth=signer(region, administrator)
    )
    assert answer.status_code == 401
    assert "is off by more than" in answer.json()["message"]


def test_a_body_must_be_signed(
    session: requests.Session, region: Region, loopback: Loopback, administrator: User
) -> None:
    half = signer(region, administrator).without_content_headers
    answer = session.post(f"{loopback.endpoint}/n/simspace/b", data="{}", auth=half)
    assert answer.status_code == 401
    assert "not signed: content-length" in answer.json()["message"]


def test_a_session_token_is_as_good_as_its_user(
    region: Region, loopback: Loopback, administrator: User
) -> None:
    config = oci.config.from_file(str(region.config_file(administrator, session=True)))
    client = object_storage(region.config_file(administrator, session=True), loopback)
    token = Path(config["security_token_file"]).read_text()
    key = oci.signer.load_private_key_from_file(config["key_file"])
    client.base_client.signer = oci.auth.signers.SecurityTokenSigner(token, key)
    assert client.get_namespace().data == "simspace"
    client.base_client.signer = oci.auth.signers.SecurityTokenSigner(token, private_key())
    with pytest.raises(ServiceError) as refused:
        client.get_namespace()
    assert refused.value.status == 401
    client.base_client.session.close()


def test_a_token_expires(region: Region, loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(region.identity, "token_lifetime", -1.0)
    user = region.add_user(administrator=True)
    config = oci.config.from_file(str(region.config_file(user, session=True)))
    client = object_storage(region.config_file(user), loopback)
    token = Path(config["security_token_file"]).read_text()
    key = oci.signer.load_private_key_from_file(config["key_file"])
    client.base_client.signer = oci.auth.signers.SecurityTokenSigner(token, key)
    with pytest.raises(ServiceError, match="expired"):
        client.get_namespace()
    client.base_client.session.close()
