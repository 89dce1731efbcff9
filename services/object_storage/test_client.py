import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from oci.exceptions import ConfigFileNotFound, ServiceError
from pydantic import ValidationError

from services.object_storage.bucket import Bucket
from services.object_storage.client import ObjectStorageSettings, _client_of_process, client
from tests.region import network
from tests.region.policies import Verb
from tests.region.region import Region


@pytest.fixture(autouse=True)
def _clients_anew() -> Iterator[None]:
    _client_of_process.cache_clear()
    yield
    client().base_client.session.close()
    _client_of_process.cache_clear()


def test_a_client_is_made_once(region: Region) -> None:
    assert client() is client()
    assert client(patient=False) is client(patient=False)
    assert client() is not client(patient=False)


def test_a_session_token_is_used_when_asked_for(
    bucket: Bucket, region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = region.add_user()
    with monkeypatch.context() as patch:
        patch.setenv("OCI_CONFIG_FILE", str(region.config_file(user, session=True)))
        patch.setenv("OBJECT_STORAGE_AUTH", "security_token")
        with pytest.raises(ServiceError, match="BucketNotFound"):
            bucket.write("x", b"data")
        region.policies.allow(user.id, Verb.MANAGE, "objects", "things")
        bucket.write("x", b"data")
        assert bucket.read("x") == b"data"
        client().base_client.session.close()
        _client_of_process.cache_clear()


def test_bad_settings_are_told_in_words(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("OBJECT_STORAGE_AUTH", "password")
        with pytest.raises(ValidationError, match="'instance_principal', 'api_key' or 'security_token'"):
            ObjectStorageSettings()
    with monkeypatch.context() as patch:
        patch.setenv("OCI_CONFIG_FILE", "/nowhere/config")
        with pytest.raises(ConfigFileNotFound, match="/nowhere/config"):
            client()


AS_INSTANCE = """
from services.object_storage.bucket import Bucket
from services.object_storage.location import Location
print(Bucket(Location.parse("oci://things@simspace")).read("x").decode())
"""


@pytest.mark.root
def test_an_instance_needs_no_setting_at_all(bucket: Bucket, region: Region) -> None:
    if reason := network.available():
        pytest.skip(reason)
    bucket.write("x", b"read as an instance")
    with region.on_network() as net:
        machine = net.join("10.0.0.11")
        instance = region.launch("10.0.0.11")
        region.policies.allow(instance.id, Verb.READ, "objects", "things")
        # The authority is in the trust store of an image; these variables stand for that only.
        environment = {"PATH": os.environ["PATH"], "REQUESTS_CA_BUNDLE": str(region.authority_file)}
        done = subprocess.run(
            machine.command(sys.executable, "-c", AS_INSTANCE),
            env={**environment, "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.stdout == "read as an instance\n", done.stderr
