"""Vault's secrets, managed: made with a value that is given or generated here; read by secrets.py."""

import base64
import binascii
import json
import secrets
import string
from collections.abc import Mapping
from typing import Any

import oci.vault
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from oci.vault import models
from starlette.responses import Response

from tests.region.certificates import private_pem
from tests.region.errors import invalid, not_implemented
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources, conflict
from tests.region.scheduled import schedule
from tests.region.secrets import Secret, Secrets
from tests.region.server import Call, Handler
from tests.region.vault import KEY, VAULT

SECRET = Kind(
    "vaultsecret",
    models.Secret,
    "secrets",
    models.SecretSummary,
    creating="CREATING",
    ready="ACTIVE",
    updating="UPDATING",
    deleting="SCHEDULING_DELETION",
    deleted="PENDING_DELETION",
    lingers=True,
)

_PASSPHRASE = "%GENERATED_PASSPHRASE%"
_ALPHABETS = {
    "SECRETS_DEFAULT_PASSWORD": (32, "!#$%&()*+,-./:;<=>?@[]^_{|}~"),
    "DBAAS_DEFAULT_PASSWORD": (16, "_#-"),
}
_BYTES = {"BYTES_512": 64, "BYTES_1024": 128}
_LEAST_DAYS = 1


class VaultSecrets:
    """The management side of the secrets that `bundles` hands out."""

    client = oci.vault.VaultsClient

    def __init__(self, table: Resources, bundles: Secrets) -> None:
        self._table = table
        self._bundles = bundles
        self._taken: set[tuple[str, str]] = set()

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "CreateSecret": self.create_secret,
            "GetSecret": self.get_secret,
            "UpdateSecret": self.update_secret,
            "ListSecrets": self.list_secrets,
            "ScheduleSecretDeletion": self.schedule_secret_deletion,
        }

    async def create_secret(self, call: Call) -> Response:
        if repeated := self._table.repeated(call, SECRET):
            return self._table.answer(repeated)
        body = call.body
        vault = self._table.refer(VAULT, body["vaultId"], "body.vaultId")
        key = self._table.refer(KEY, body["keyId"], "body.keyId")
        if key["vaultId"] != vault.id:
            raise invalid(f"body.keyId: the key {key.id} is not of the vault {vault.id}.")
        if key["keyShape"]["algorithm"] != "AES":
            raise invalid(f"body.keyId: the key {key.id} is not symmetric, so that it encrypts no secret.")
        name = (vault.id, body["secretName"])
        if name in self._taken:
            raise conflict(
                f"The secret name {name[1]} is in use in the vault, or that secret is to be deleted."
            )
        value = self._value(body)
        generated = bool(body.get("enableAutoGeneration"))
        secret = self._table.create(
            call, SECRET, currentVersionNumber=1, isAutoGenerationEnabled=generated, isReplica=False
        )
        self._taken.add(name)
        kept = Secret(secret.id, name[1], vault.id)
        kept.put(value)
        self._bundles.add(kept)
        return self._table.answer(secret)

    async def get_secret(self, call: Call) -> Response:
        return self._table.answer(self._secret(call, Verb.READ))

    async def update_secret(self, call: Call) -> Response:
        """New content, or another way to generate it, makes a new version."""
        secret, body = self._secret(call, Verb.MANAGE), call.body
        if body.get("currentVersionNumber"):
            raise not_implemented("UpdateSecret with currentVersionNumber")
        context = body.get("secretGenerationContext")
        anew = bool(body.get("secretContent")) or context not in (None, secret["secretGenerationContext"])
        value = self._value(body) if anew else None
        automatic = body.pop("enableAutoGeneration", None)
        body.pop("secretContent", None)
        self._table.update(call, secret)
        if automatic is not None:
            secret.fields["isAutoGenerationEnabled"] = automatic
        if value is not None:
            self._bundles.put(secret.id, value)
            secret.fields["currentVersionNumber"] += 1
        return self._table.answer(secret)

    async def list_secrets(self, call: Call) -> Response:
        name = call.query.get("name")
        among = self._table.of(SECRET, **({"secretName": name} if name else {}))
        return self._table.listed(call, SECRET, "name", among=among)

    async def schedule_secret_deletion(self, call: Call) -> Response:
        """The name stays taken until the day comes, which is after this region's end."""
        secret = schedule(self._table, call, self._secret(call, Verb.MANAGE), _LEAST_DAYS)
        self._bundles.remove(secret.id)
        return Response(status_code=204, headers={"etag": secret.etag})

    def _secret(self, call: Call, verb: Verb) -> Resource:
        return self._table.find(call, SECRET, call.path["secretId"], verb)

    def _value(self, body: Mapping[str, Any]) -> bytes:
        content, context = body.get("secretContent"), body.get("secretGenerationContext")
        if body.get("enableAutoGeneration"):
            if content or not context:
                raise invalid("enableAutoGeneration needs a secretGenerationContext and no secretContent.")
            return generated(context)
        if not content:
            raise invalid("A secret needs secretContent, or enableAutoGeneration.")
        try:
            return base64.b64decode(content.get("content") or "", validate=True)
        except binascii.Error:
            raise invalid("secretContent.content is not base64.") from None


def generated(context: Mapping[str, Any]) -> bytes:
    """A value by the context of a request.

    Raises:
        ServiceError: 400 for a template without its placeholder, or a length that is too small.
    """
    template = context.get("secretTemplate")
    match context["generationType"]:
        case "PASSPHRASE":
            if template and _PASSPHRASE not in template:
                raise invalid(f"secretTemplate must hold {_PASSPHRASE}.")
            passphrase = _passphrase(context["generationTemplate"], context.get("passphraseLength"))
            return (template or _PASSPHRASE).replace(_PASSPHRASE, passphrase).encode()
        case "BYTES" if not template:
            return secrets.token_bytes(_BYTES[context["generationTemplate"]])
        case "SSH_KEY" if not template:
            size = int(context["generationTemplate"].removeprefix("RSA_"))
            key = rsa.generate_private_key(public_exponent=65537, key_size=size)
            public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            return json.dumps(
                {"publicKey": public.decode(), "privateKey": private_pem(key).decode()}
            ).encode()
        case kind:
            raise not_implemented(f"A secretTemplate for {kind}")


def _passphrase(template: str, length: int | None) -> str:
    """Characters of every class, in any order."""
    default, special = _ALPHABETS[template]
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits, special)
    size = default if length is None else length
    if size < len(classes):
        raise invalid(f"passphraseLength is {length}: it must be {len(classes)} or more.")
    chosen = [secrets.choice(each) for each in classes]
    chosen += [secrets.choice("".join(classes)) for _ in range(size - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)
