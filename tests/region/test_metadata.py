import pytest
import requests

from tests.region.region import Loopback, Region

BEARER = {"Authorization": "Bearer Oracle"}


@pytest.fixture(autouse=True)
def _instance(region: Region) -> None:
    region.launch("127.0.0.1", "mlflow-1", {"db_host": "db.example", "port": "3306"})


def get(url: str, headers: dict[str, str] = BEARER) -> requests.Response:
    return requests.get(url, headers=headers, timeout=10)


def test_an_instance_reads_about_itself(loopback: Loopback) -> None:
    whole = get(f"{loopback.metadata_url}/instance/").json()
    assert whole["displayName"] == "mlflow-1"
    assert whole["metadata"] == {"db_host": "db.example", "port": "3306"}
    assert whole["regionInfo"]["realmDomainComponent"] == "oci.test"
    assert get(f"{loopback.metadata_url}/instance/region").text == "sim-1"
    assert get(f"{loopback.metadata_url}/instance/regionInfo").json()["regionIdentifier"] == "sim-1"
    assert get(f"{loopback.metadata_url}/instance/metadata/db_host").text == "db.example"
    assert get(f"{loopback.metadata_url}/vnics/0/privateIp").text == "127.0.0.1"


@pytest.mark.parametrize("name", ["cert.pem", "key.pem", "intermediate.pem"])
def test_its_identity_is_there(loopback: Loopback, name: str) -> None:
    assert get(f"{loopback.metadata_url}/identity/{name}").text.startswith("-----BEGIN")


def test_what_there_is_not_is_not_found(loopback: Loopback) -> None:
    assert get(f"{loopback.metadata_url}/instance/metadata/nothing").status_code == 404
    assert get(f"{loopback.metadata_url}/identity/nothing").status_code == 404


def test_the_header_is_required_and_forwarding_refused(loopback: Loopback) -> None:
    url = f"{loopback.metadata_url}/instance/"
    assert get(url, {}).status_code == 403
    assert get(url, {"Authorization": "Bearer Else"}).status_code == 403
    assert get(url, {**BEARER, "X-Forwarded-For": "1.2.3.4"}).status_code == 403


def test_version_1_is_disabled(loopback: Loopback) -> None:
    legacy = loopback.metadata_url.replace("/v2", "/v1")
    assert get(f"{legacy}/instance/", {}).status_code == 404
