from collections.abc import Iterator
from pathlib import Path

import pytest

from services.boot import patience
from services.boot.failure import Failure
from services.boot.vault import Vault
from tests.region.metadata import Instance
from tests.region.policies import Verb
from tests.region.region import Loopback, Region


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    region = Region(tmp_path_factory.mktemp("region"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in region.environment.items():
            patch.setenv(name, value)
        yield region


@pytest.fixture(scope="module")
def loopback(region: Region) -> Iterator[Loopback]:
    with region.on_loopback() as loopback, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OCI_METADATA_BASE_URL", loopback.metadata_url)
        yield loopback


@pytest.fixture
def instance(region: Region) -> Instance:
    return region.launch("127.0.0.1")


@pytest.fixture
def vault(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> Vault:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.05)
    return Vault(loopback.endpoint, loopback.federation_endpoint, wait_seconds=10)


def test_a_secret_is_read_as_the_instance(region: Region, vault: Vault, instance: Instance) -> None:
    secret = region.add_secret("first", "p#ss/wörd '1\"\\ $HOME")
    region.policies.allow(instance.id, Verb.READ, "secret-bundles", secret.id)
    assert vault.read("mlops_admin_secret", secret.id) == "p#ss/wörd '1\"\\ $HOME"
    secret.put("a new one")
    assert vault.read("mlops_admin_secret", secret.id) == "a new one"


def test_a_policy_that_is_heard_of_late_is_waited_for(
    region: Region, vault: Vault, instance: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    secret = region.add_secret("late", "value of the secret")
    region.policies.allow(instance.id, Verb.READ, "secret-bundles", secret.id, after=1)
    region.faults.add("GetSecretBundle", 404, "NotAuthorizedOrNotFound")
    region.faults.add("GetSecretBundle", 500, "InternalServerError")
    region.faults.add("GetSecretBundle", 429, "TooManyRequests")
    region.faults.add("GetSecretBundle", 401, "NotAuthenticated")
    with caplog.at_level("INFO"):
        assert vault.read("mlops_admin_secret", secret.id) == "value of the secret"
    for told in ("500 InternalServerError", "429 TooManyRequests", "404 NotAuthorizedOrNotFound"):
        assert told in caplog.text
    assert "the secret that mlops_admin_secret names" in caplog.text
    assert "value of the secret" not in caplog.text


def test_an_identity_that_is_late_is_waited_for(region: Region, vault: Vault, instance: Instance) -> None:
    secret = region.add_secret("identity", "x")
    region.policies.allow(instance.id, Verb.READ, "secret-bundles", secret.id)
    region.faults.add("Federate", 401, "NotAuthenticated", times=2)
    assert vault.read("mlops_admin_secret", secret.id) == "x"


def test_a_secret_that_may_never_be_read_is_given_up(
    region: Region, loopback: Loopback, instance: Instance
) -> None:
    vault = Vault(loopback.endpoint, loopback.federation_endpoint, wait_seconds=0.2)
    with pytest.raises(Failure, match="mlops_keys_secret") as failure:
        vault.read("mlops_keys_secret", "ocid1.vaultsecret.oc99..nothing")
    assert "404 NotAuthorizedOrNotFound" in str(failure.value)
    assert "Remedy: see that the secret exists" in str(failure.value)


@pytest.mark.parametrize("value", ["", "two\nlines", "with\0", b"\xff\xfe"])
def test_a_value_that_no_environment_file_holds_is_refused_and_not_shown(
    region: Region, vault: Vault, instance: Instance, value: str | bytes
) -> None:
    secret = region.add_secret("unusable", value)
    region.policies.allow(instance.id, Verb.READ, "secret-bundles", secret.id)
    with pytest.raises(Failure, match="one line of printable characters is expected") as failure:
        vault.read("mlops_admin_secret", secret.id)
    assert not value or str(value) not in str(failure.value)


def test_a_region_that_is_away_is_told(instance: Instance, loopback: Loopback, tmp_path: Path) -> None:
    vault = Vault("https://127.0.0.1:9", loopback.federation_endpoint, wait_seconds=0.2)
    with pytest.raises(Failure, match="not there after 0 s"):
        vault.read("mlops_admin_secret", "ocid1.vaultsecret.oc99..x")
