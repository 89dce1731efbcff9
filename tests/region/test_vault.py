import base64
import json
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from oci.exceptions import ServiceError
from oci.key_management import KmsManagementClient, KmsVaultClient
from oci.key_management.models import (
    CreateKeyDetails,
    CreateVaultDetails,
    KeyShape,
    ScheduleKeyDeletionDetails,
    ScheduleVaultDeletionDetails,
)
from oci.secrets import SecretsClient
from oci.vault import VaultsClient
from oci.vault.models import (
    Base64SecretContentDetails,
    BytesGenerationContext,
    CreateSecretDetails,
    PassphraseGenerationContext,
    ScheduleSecretDeletionDetails,
    SshKeyGenerationContext,
    UpdateSecretDetails,
)

from tests.region.region import Region

Connect = Callable[..., Any]
PASSPHRASE = {"generation_template": "SECRETS_DEFAULT_PASSWORD"}


@pytest.fixture(scope="module")
def vaults(connect: Connect) -> Any:
    return connect(KmsVaultClient)


@pytest.fixture(scope="module")
def keys(connect: Connect) -> Any:
    return connect(KmsManagementClient)


@pytest.fixture(scope="module")
def secrets(connect: Connect) -> Any:
    return connect(VaultsClient)


@pytest.fixture
def vault(vaults: Any, region: Region) -> Any:
    made = vaults.create_vault(
        CreateVaultDetails(compartment_id=region.compartment, display_name="vault", vault_type="DEFAULT")
    ).data
    return vaults.get_vault(made.id).data


def a_key(keys: Any, region: Region, algorithm: str = "AES", length: int = 32, **details: Any) -> Any:
    shape = KeyShape(algorithm=algorithm, length=length)
    asked = CreateKeyDetails(
        compartment_id=region.compartment, display_name="key", key_shape=shape, **details
    )
    return keys.create_key(asked).data


def a_secret(secrets: Any, region: Region, vault: Any, key: Any, name: str, **details: Any) -> Any:
    if not details:
        context = PassphraseGenerationContext(**PASSPHRASE)
        details = {"enable_auto_generation": True, "secret_generation_context": context}
    asked = CreateSecretDetails(
        compartment_id=region.compartment, vault_id=vault.id, key_id=key.id, secret_name=name, **details
    )
    return secrets.get_secret(secrets.create_secret(asked).data.id).data


def value(connect: Connect, secret: Any) -> bytes:
    bundle = connect(SecretsClient).get_secret_bundle(secret.id).data
    return base64.b64decode(bundle.secret_bundle_content.content)


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(ServiceError) as refused:
        call()
    return refused.value.status, refused.value.message


def test_a_vault_and_its_keys_go_together(vaults: Any, keys: Any, vault: Any, region: Region) -> None:
    assert vault.lifecycle_state == "ACTIVE"
    assert vault.management_endpoint.endswith(f"-management.kms.{region.name}.{region.domain}")
    key = a_key(keys, region, protection_mode="SOFTWARE")
    assert (key.vault_id, key.protection_mode) == (vault.id, "SOFTWARE")
    assert keys.get_key(key.id).data.lifecycle_state == "ENABLED"
    vaults.schedule_vault_deletion(vault.id, ScheduleVaultDeletionDetails())
    assert vaults.get_vault(vault.id).data.lifecycle_state == "PENDING_DELETION"
    assert keys.get_key(key.id).data.lifecycle_state == "PENDING_DELETION"


def test_a_key_has_a_length_of_its_algorithm(keys: Any, vault: Any, region: Region) -> None:
    assert refusal(lambda: a_key(keys, region, "AES", 31))[0] == 400


def test_a_key_cannot_go_too_soon(keys: Any, vault: Any, region: Region) -> None:
    key = a_key(keys, region)
    soon = ScheduleKeyDeletionDetails(time_of_deletion=datetime.now(UTC) + timedelta(days=6))
    status, message = refusal(lambda: keys.schedule_key_deletion(key.id, soon))
    assert (status, "7 to 30 days" in message) == (400, True)


def test_a_secret_is_really_generated(
    connect: Connect, secrets: Any, keys: Any, vault: Any, region: Region
) -> None:
    key = a_key(keys, region)
    context = PassphraseGenerationContext(**PASSPHRASE, passphrase_length=24)
    details = {"enable_auto_generation": True, "secret_generation_context": context}
    values = [
        value(connect, a_secret(secrets, region, vault, key, f"generated-{number}", **details)).decode()
        for number in range(2)
    ]
    assert [len(each) for each in values] == [24, 24]
    assert values[0] != values[1]
    for characters in (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation):
        assert set(characters) & set(values[0])


def test_a_generated_secret_takes_the_form_of_its_template(
    connect: Connect, secrets: Any, keys: Any, vault: Any, region: Region
) -> None:
    key = a_key(keys, region)
    template = '{"user": "admin", "password": "%GENERATED_PASSPHRASE%"}'
    context = PassphraseGenerationContext(
        generation_template="DBAAS_DEFAULT_PASSWORD", secret_template=template
    )
    details = {"enable_auto_generation": True, "secret_generation_context": context}
    made = json.loads(value(connect, a_secret(secrets, region, vault, key, "templated", **details)))
    assert (made["user"], len(made["password"])) == ("admin", 16)
    context.secret_template = "nothing to fill in"
    assert refusal(lambda: a_secret(secrets, region, vault, key, "untemplated", **details))[0] == 400


def test_bytes_and_ssh_keys_are_generated_too(
    connect: Connect, secrets: Any, keys: Any, vault: Any, region: Region
) -> None:
    key = a_key(keys, region)
    context = BytesGenerationContext(generation_template="BYTES_512")
    details = {"enable_auto_generation": True, "secret_generation_context": context}
    assert len(value(connect, a_secret(secrets, region, vault, key, "bytes", **details))) == 64
    details["secret_generation_context"] = SshKeyGenerationContext(generation_template="RSA_2048")
    pair = json.loads(value(connect, a_secret(secrets, region, vault, key, "pair", **details)))
    assert load_pem_private_key(pair["privateKey"].encode(), None)


def test_a_value_that_was_given_is_read_again(
    connect: Connect, secrets: Any, keys: Any, vault: Any, region: Region
) -> None:
    key = a_key(keys, region)
    content = Base64SecretContentDetails(content=base64.b64encode(b"old").decode())
    secret = a_secret(secrets, region, vault, key, "given", secret_content=content)
    assert value(connect, secret) == b"old"
    content.content = base64.b64encode(b"new").decode()
    updated = secrets.update_secret(secret.id, UpdateSecretDetails(secret_content=content)).data
    assert (value(connect, secret), updated.current_version_number) == (b"new", 2)
    secrets.update_secret(secret.id, UpdateSecretDetails(description="the same value"))
    assert secrets.get_secret(secret.id).data.current_version_number == 2


def test_the_name_of_a_secret_to_be_deleted_stays_taken(
    connect: Connect, secrets: Any, keys: Any, vault: Any, region: Region
) -> None:
    key = a_key(keys, region)
    secret = a_secret(secrets, region, vault, key, "reserved")
    assert secrets.list_secrets(region.compartment, name="reserved").data[0].id == secret.id
    secrets.schedule_secret_deletion(secret.id, ScheduleSecretDeletionDetails())
    assert secrets.get_secret(secret.id).data.lifecycle_state == "PENDING_DELETION"
    assert refusal(lambda: value(connect, secret))[0] == 404
    status, message = refusal(lambda: a_secret(secrets, region, vault, key, "reserved"))
    assert (status, "reserved" in message) == (409, True)


def test_a_secret_needs_a_symmetric_key_of_its_vault(
    secrets: Any, keys: Any, vault: Any, vaults: Any, region: Region
) -> None:
    other_algorithm = a_key(keys, region, "RSA", 256)
    assert refusal(lambda: a_secret(secrets, region, vault, other_algorithm, "x"))[0] == 400
    other_vault = vaults.create_vault(
        CreateVaultDetails(compartment_id=region.compartment, display_name="other", vault_type="DEFAULT")
    ).data
    key_of_the_other = a_key(keys, region)
    assert key_of_the_other.vault_id == other_vault.id
    assert refusal(lambda: a_secret(secrets, region, vault, key_of_the_other, "x"))[0] == 400
