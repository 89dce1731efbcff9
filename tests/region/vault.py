"""Vault: vaults and their keys. Each vault has a management endpoint of its own, where its keys are made."""

from collections.abc import Mapping
from typing import Any

import oci.key_management
from oci.key_management import models
from starlette.responses import Response

from tests.region.errors import invalid, not_found
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources
from tests.region.scheduled import schedule
from tests.region.server import Call, Handler
from tests.region.standard import Standard

_STATES: Any = {"creating": "CREATING", "deleting": "SCHEDULING_DELETION", "deleted": "PENDING_DELETION"}
VAULT = Kind("vault", models.Vault, "vaults", models.VaultSummary, ready="ACTIVE", lingers=True, **_STATES)
KEY = Kind("key", models.Key, "keys", models.KeySummary, ready="ENABLED", lingers=True, **_STATES)

_LENGTHS = {"AES": (16, 24, 32), "RSA": (256, 384, 512), "ECDSA": (32, 48, 66)}
_CHANGES = ("displayName", "freeformTags", "definedTags")
_LEAST_DAYS = 7


class Vaults:
    """The vaults of a region; `zone` is what their endpoints end in."""

    client = oci.key_management.KmsVaultClient

    def __init__(self, table: Resources, zone: str) -> None:
        self._table = table
        self._zone = zone

    @property
    def operations(self) -> Mapping[str, Handler]:
        standard = Standard(self._table, VAULT, "Vault", create=self._create, changes=_CHANGES)
        return {**standard.operations, "ScheduleVaultDeletion": self.schedule_vault_deletion}

    def _create(self, call: Call) -> Resource:
        if call.body["vaultType"] == "EXTERNAL":
            raise invalid("An EXTERNAL vault needs a key manager, which this region has not.")
        vault = self._table.create(call, VAULT, isPrimary=True, isVaultReplicable=False)
        label = vault.id.rpartition(".")[2][:13]
        vault.fields |= {
            "managementEndpoint": f"https://{label}-management.{self._zone}",
            "cryptoEndpoint": f"https://{label}-crypto.{self._zone}",
            "wrappingkeyId": self._table.ocid("key"),
        }
        return vault

    async def schedule_vault_deletion(self, call: Call) -> Response:
        """The keys of the vault go with it."""
        vault = self._table.find(call, VAULT, call.path["vaultId"], Verb.MANAGE)
        schedule(self._table, call, vault, _LEAST_DAYS)
        for key in self._table.of(KEY, vaultId=vault.id):
            key.fields["timeOfDeletion"] = vault["timeOfDeletion"]
            self._table.delete(key)
        return self._table.answer(vault)


class Keys:
    """The keys, each by the management endpoint of its vault."""

    client = oci.key_management.KmsManagementClient
    host_prefix = r"[0-9a-f]+-management\."

    def __init__(self, table: Resources) -> None:
        self._table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "CreateKey": self.create_key,
            "GetKey": self.get_key,
            "UpdateKey": self.update_key,
            "ListKeys": self.list_keys,
            "EnableKey": self.enable_key,
            "DisableKey": self.disable_key,
            "ScheduleKeyDeletion": self.schedule_key_deletion,
        }

    async def create_key(self, call: Call) -> Response:
        vault, shape = self._vault(call), call.body["keyShape"]
        if shape["length"] not in (lengths := _LENGTHS[shape["algorithm"]]):
            raise invalid(f"A key of {shape['algorithm']} has one of the lengths {lengths} in bytes.")
        key = self._table.create(
            call,
            KEY,
            vaultId=vault.id,
            currentKeyVersion=self._table.ocid("keyversion"),
            protectionMode=call.body.get("protectionMode") or "HSM",
            isPrimary=True,
            isAutoRotationEnabled=bool(call.body.get("isAutoRotationEnabled")),
        )
        return self._table.answer(key)

    async def get_key(self, call: Call) -> Response:
        return self._table.answer(self._key(call, Verb.READ))

    async def update_key(self, call: Call) -> Response:
        changes = (*_CHANGES, "isAutoRotationEnabled", "autoKeyRotationDetails")
        return self._table.answer(self._table.update(call, self._key(call, Verb.MANAGE), *changes))

    async def list_keys(self, call: Call) -> Response:
        vault = self._vault(call)
        return self._table.listed(call, KEY, among=self._table.of(KEY, vaultId=vault.id))

    async def enable_key(self, call: Call) -> Response:
        key = self._key(call, Verb.MANAGE)
        return self._table.answer(self._table.move(key, "ENABLING", "ENABLED"))

    async def disable_key(self, call: Call) -> Response:
        key = self._key(call, Verb.MANAGE)
        return self._table.answer(self._table.move(key, "DISABLING", "DISABLED"))

    async def schedule_key_deletion(self, call: Call) -> Response:
        return self._table.answer(schedule(self._table, call, self._key(call, Verb.MANAGE), _LEAST_DAYS))

    def _vault(self, call: Call) -> Resource:
        """The vault whose endpoint was called; loopback's address is nobody's and stands for the newest."""
        vaults = self._table.of(VAULT)
        label, is_endpoint, _ = (call.request.url.hostname or "").partition("-management.")
        if is_endpoint:
            vaults = [each for each in vaults if each["managementEndpoint"].startswith(f"https://{label}-")]
        if not vaults:
            raise not_found()
        return vaults[-1]

    def _key(self, call: Call, verb: Verb) -> Resource:
        key = self._table.find(call, KEY, call.path["keyId"], verb)
        # A key is still read by the endpoint of a vault that is to be deleted.
        endpoint = self._table.find(call, VAULT, key["vaultId"])["managementEndpoint"]
        host = call.request.url.hostname or ""
        if "-management." in host and f"https://{host}" != endpoint:
            raise not_found()
        return key
