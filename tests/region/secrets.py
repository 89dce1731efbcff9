"""Vault's secret retrieval: the bundles of secrets, base64 as OCI has them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import oci.secrets
from starlette.responses import JSONResponse, Response

from tests.region.errors import not_found
from tests.region.policies import Verb
from tests.region.server import Call, Handler


@dataclass
class Secret:
    """A secret and all its values; the last one is CURRENT."""

    id: str
    name: str
    vault: str
    values: list[tuple[bytes, datetime]] = field(default_factory=list)

    def put(self, value: str | bytes) -> None:
        data = value.encode() if isinstance(value, str) else value
        self.values.append((data, datetime.now(UTC)))


class Secrets:
    """The secrets of a region, read by whoever may read their bundles."""

    client = oci.secrets.SecretsClient

    def __init__(self) -> None:
        self._secrets: dict[str, Secret] = {}

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "GetSecretBundle": self.get_secret_bundle,
            "GetSecretBundleByName": self.get_secret_bundle_by_name,
            "ListSecretBundleVersions": self.list_secret_bundle_versions,
        }

    def add(self, secret: Secret) -> None:
        self._secrets[secret.id] = secret

    def put(self, secret_id: str, value: str | bytes) -> None:
        """A new version of a secret."""
        self._secrets[secret_id].put(value)

    def remove(self, secret_id: str) -> None:
        """From now on there is nothing to read."""
        self._secrets.pop(secret_id, None)

    async def get_secret_bundle(self, call: Call) -> Response:
        return self._bundle(call, self._find(call, call.path["secretId"]))

    async def get_secret_bundle_by_name(self, call: Call) -> Response:
        named = (call.query["vaultId"], call.query["secretName"])
        found = [each.id for each in self._secrets.values() if (each.vault, each.name) == named]
        return self._bundle(call, self._find(call, found[0] if found else ""))

    async def list_secret_bundle_versions(self, call: Call) -> Response:
        secret = self._find(call, call.path["secretId"])
        versions = [_described(secret, number) for number in range(len(secret.values), 0, -1)]
        return JSONResponse(versions)

    def _find(self, call: Call, secret_id: str) -> Secret:
        call.authorize(Verb.READ, "secret-bundles", secret_id)
        secret = self._secrets.get(secret_id)
        if secret is None or not secret.values:
            raise not_found()
        return secret

    def _bundle(self, call: Call, secret: Secret) -> Response:
        newest = len(secret.values)
        by_stage = {"CURRENT": newest, "LATEST": newest, "PREVIOUS": newest - 1}
        number = by_stage.get(call.query.get("stage", "CURRENT"), 0)
        number = int(call.query.get("versionNumber", number))
        if not 1 <= number <= newest:
            raise not_found()
        content = base64.b64encode(secret.values[number - 1][0]).decode()
        bundle = {"contentType": "BASE64", "content": content}
        return JSONResponse({**_described(secret, number), "secretBundleContent": bundle})


def _described(secret: Secret, number: int) -> dict[str, object]:
    newest = len(secret.values)
    stages = ["CURRENT", "LATEST"] if number == newest else ["PREVIOUS"] if number == newest - 1 else []
    return {
        "secretId": secret.id,
        "versionNumber": number,
        "timeCreated": secret.values[number - 1][1].isoformat(timespec="milliseconds"),
        "stages": stages or ["DEPRECATED"],
    }
