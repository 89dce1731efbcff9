"""MySQL as a service: DB systems with their backups, and what there is to choose from.

A DB system is a record alone unless `databases` puts a real server behind it.
"""

import math
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import oci.mysql
from oci.mysql import models
from starlette.responses import JSONResponse, Response

from tests.region import addresses
from tests.region.errors import invalid
from tests.region.mysql_choices import SHAPES, VERSIONS, configuration
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources, conflict
from tests.region.server import Call, Handler
from tests.region.virtual_network import NSG, SUBNET, VCN
from tests.region.work_requests import begin

DB_SYSTEM = Kind(
    "mysqldbsystem",
    models.DbSystem,
    "mysql-instances",
    models.DbSystemSummary,
    creating="CREATING",
    ready="ACTIVE",
    updating="UPDATING",
    deleting="DELETING",
    deleted="DELETED",
    lingers=True,
)
BACKUP = Kind(
    "mysqlbackup",
    models.Backup,
    "mysql-backups",
    models.BackupSummary,
    creating="CREATING",
    ready="ACTIVE",
    updating="UPDATING",
    deleting="DELETING",
    deleted="DELETED",
    lingers=True,
)
WORK_REQUEST = Kind(
    "mysqlworkrequest",
    models.WorkRequest,
    "mysql-work-requests",
    models.WorkRequestSummary,
    creating="IN_PROGRESS",
    ready="SUCCEEDED",
    state="status",
)

_STORAGE = range(50, 131_073)
_RETENTION = range(1, 36)
_NESTED = ("backupPolicy", "deletionPolicy", "maintenance", "dataStorage")
_RESERVED = ("administrator", "mysql.infoschema", "mysql.session", "mysql.sys", "ociadmin", "ocirpl", "root")
_CLASSES = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]")


@dataclass(frozen=True)
class Asked:
    """The server that a DB system stands for: where it is to listen and who its administrator is."""

    id: str
    address: str
    port: int
    hostname: str
    username: str
    password: str


Databases = Callable[[Asked], AbstractContextManager[object]]
"""A server: entering starts it and returns when it answers, leaving stops it, both in one thread."""


class DbSystems:
    """The DB systems of a region."""

    client = oci.mysql.DbSystemClient

    def __init__(self, table: Resources) -> None:
        self._table = table
        self.databases: Databases | None = None
        self._running: dict[str, tuple[Event, Thread]] = {}

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "CreateDbSystem": self.create_db_system,
            "GetDbSystem": self.get_db_system,
            "UpdateDbSystem": self.update_db_system,
            "DeleteDbSystem": self.delete_db_system,
            "ListDbSystems": self.list_db_systems,
        }

    def close(self) -> None:
        """Stop every real server."""
        for system_id in list(self._running):
            self._stop(system_id)

    async def create_db_system(self, call: Call) -> Response:
        if repeated := self._table.repeated(call, DB_SYSTEM):
            return self._table.answer(repeated)
        body = call.body
        subnet = self._table.refer(SUBNET, body["subnetId"], "body.subnetId")
        self._check_groups(subnet, body.get("nsgIds") or [])
        fields = _completed(body)
        _check(fields)
        username, password = _administrator(body)
        call.authorize(Verb.MANAGE, DB_SYSTEM.family, body["compartmentId"])
        taken = addresses.take(
            self._table, subnet, "", wanted=body.get("ipAddress"), hostname=body.get("hostnameLabel")
        )
        address = str(taken["ipAddress"])
        secret = {"adminUsername": None, "adminPassword": None}
        system = self._table.create(call, DB_SYSTEM, **{**fields, **secret, "ipAddress": address})
        taken.fields["vnicId"] = system.id
        chosen = configuration(self._table, fields["shapeName"])
        system.fields["configurationId"] = body.get("configurationId") or chosen.id
        asked = Asked(system.id, address, fields["port"], _hostname(self._table, system), username, password)
        system.settled = lambda: _opened(system, asked)
        work = begin(self._table, system, "CREATE_DBSYSTEM", "CREATED", WORK_REQUEST)
        if self.databases:
            self._start(system, work, asked, self.databases)
        return self._table.answer(system, **{"opc-work-request-id": work.id})

    async def get_db_system(self, call: Call) -> Response:
        return self._table.answer(self._system(call, Verb.READ))

    async def list_db_systems(self, call: Call) -> Response:
        return self._table.listed(call, DB_SYSTEM, "dbSystemId")

    async def update_db_system(self, call: Call) -> Response:
        system, body = self._system(call, Verb.MANAGE), call.body
        for name in _NESTED:
            if body.get(name):
                body[name] = {**(system[name] or {}), **_given(body[name])}
        changed = {**system.fields, **_given(body)}
        _check(changed)
        if changed["dataStorageSizeInGBs"] < system["dataStorageSizeInGBs"]:
            raise invalid("body.dataStorageSizeInGBs: the storage of a DB system can only grow.")
        subnet = self._table.refer(SUBNET, system["subnetId"], "subnetId")
        self._check_groups(subnet, body.get("nsgIds") or [])
        if changed["shapeName"] != system["shapeName"]:
            body["configurationId"] = configuration(self._table, changed["shapeName"]).id
        self._table.update(call, system)
        system.fields["dataStorage"] = _storage(system.fields)
        return self._accepted(system, "UPDATE_DBSYSTEM", "UPDATED")

    async def delete_db_system(self, call: Call) -> Response:
        """The final backup, where one is asked for, stays; so do automatic ones that are to be retained."""
        system = self._system(call, Verb.MANAGE)
        policy = system["deletionPolicy"]
        if policy["isDeleteProtected"]:
            raise conflict(f"The DB system {system.id} is delete protected.", "IncorrectState")
        if system.following is not None:
            raise conflict(f"The DB system {system.id} is {system.state}.", "IncorrectState")
        if policy["finalBackup"] == "REQUIRE_FINAL_BACKUP":
            back_up(self._table, system, "FINAL", system["displayName"])
        if policy["automaticBackupRetention"] == "DELETE":
            for backup in self._table.of(BACKUP, dbSystemId=system.id, creationType="AUTOMATIC"):
                self._table.delete(backup)
        self._stop(system.id)
        for address in self._table.of(addresses.PRIVATE_IP, vnicId=system.id):
            self._table.delete(address)
        self._table.delete(system)
        return self._accepted(system, "DELETE_DBSYSTEM", "DELETED")

    def _system(self, call: Call, verb: Verb) -> Resource:
        return self._table.find(call, DB_SYSTEM, call.path["dbSystemId"], verb)

    def _accepted(self, system: Resource, operation: str, action: str) -> Response:
        work = begin(self._table, system, operation, action, WORK_REQUEST)
        return Response(status_code=202, headers={"opc-work-request-id": work.id})

    def _check_groups(self, subnet: Resource, groups: list[str]) -> None:
        for number, group_id in enumerate(groups):
            group = self._table.refer(NSG, group_id, f"body.nsgIds[{number}]")
            if group["vcnId"] != subnet["vcnId"]:
                raise invalid(f"body.nsgIds[{number}]: {group_id} is of another VCN than the subnet.")

    def _start(self, system: Resource, work: Resource, asked: Asked, databases: Databases) -> None:
        """In a thread of its own, which stays until the system goes: it is the server's parent."""
        over = Event()
        system.due = work.due = math.inf

        def live() -> None:
            try:
                with databases(asked):
                    system.due = work.due = 0.0
                    over.wait()
            except (OSError, RuntimeError) as error:
                system.move("FAILED", None, 0.0)
                system.fields["lifecycleDetails"] = str(error)
                work.move("FAILED", None, 0.0)

        thread = Thread(target=live, daemon=True)
        self._running[system.id] = (over, thread)
        thread.start()

    def _stop(self, system_id: str) -> None:
        if running := self._running.pop(system_id, None):
            over, thread = running
            over.set()
            thread.join()


class Backups:
    """The backups of a region's DB systems."""

    client = oci.mysql.DbBackupsClient

    def __init__(self, table: Resources) -> None:
        self._table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "CreateBackup": self.create_backup,
            "GetBackup": self.get_backup,
            "ListBackups": self.list_backups,
            "DeleteBackup": self.delete_backup,
        }

    async def create_backup(self, call: Call) -> Response:
        system = self._table.refer(DB_SYSTEM, call.body["dbSystemId"], "body.dbSystemId")
        call.authorize(Verb.MANAGE, BACKUP.family, system.compartment)
        backup = back_up(self._table, system, "MANUAL", call.body.get("displayName"))
        return self._table.answer(backup)

    async def get_backup(self, call: Call) -> Response:
        return self._table.answer(self._table.find(call, BACKUP, call.path["backupId"]))

    async def list_backups(self, call: Call) -> Response:
        return self._table.listed(call, BACKUP, "backupId")

    async def delete_backup(self, call: Call) -> Response:
        backup = self._table.find(call, BACKUP, call.path["backupId"], Verb.MANAGE)
        self._table.delete(backup)
        work = begin(self._table, backup, "DELETE_BACKUP", "DELETED", WORK_REQUEST)
        return Response(status_code=202, headers={"opc-work-request-id": work.id})


class MysqlWorkRequests:
    """MySQL's own work requests."""

    client = oci.mysql.WorkRequestsClient

    def __init__(self, table: Resources) -> None:
        self._table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {"GetWorkRequest": self.get_work_request, "ListWorkRequestErrors": self.list_errors}

    async def get_work_request(self, call: Call) -> Response:
        return self._table.answer(self._table.find(call, WORK_REQUEST, call.path["workRequestId"]))

    async def list_errors(self, call: Call) -> Response:
        self._table.find(call, WORK_REQUEST, call.path["workRequestId"])
        return JSONResponse([])


def back_up(table: Resources, system: Resource, creation: str, name: str | None) -> Resource:
    """A backup of the system as it is; it outlives the system."""
    fields = {
        "displayName": name,
        "compartmentId": system.compartment,
        "dbSystemId": system.id,
        "backupType": "INCREMENTAL" if creation == "AUTOMATIC" else "FULL",
        "creationType": creation,
        "dataStorageSizeInGBs": system["dataStorageSizeInGBs"],
        "mysqlVersion": system["mysqlVersion"],
        "shapeName": system["shapeName"],
        "retentionInDays": 365,
        "backupSizeInGBs": 1,
        "lifecycleDetails": "",
    }
    return table.add(BACKUP, fields)


def _opened(system: Resource, asked: Asked) -> None:
    endpoint = {
        "hostname": asked.hostname or None,
        "ipAddress": asked.address,
        "ipAddressVersion": "IPV4",
        "port": system["port"],
        "portX": system["portX"],
        "modes": ["READ", "WRITE"],
        "status": "ACTIVE",
        "resourceType": "DBSYSTEM",
        "resourceId": system.id,
    }
    system.fields["endpoints"] = [endpoint]


def _hostname(table: Resources, system: Resource) -> str:
    subnet = table.refer(SUBNET, system["subnetId"], "subnetId")
    vcn = table.refer(VCN, subnet["vcnId"], "vcnId")
    labels = (system["hostnameLabel"], subnet["dnsLabel"], vcn["dnsLabel"])
    return ".".join((*labels, "oraclevcn.com")) if all(labels) else ""


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _completed(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a DB system shows that was asked for like this."""
    place = {name: body.get(name) for name in ("availabilityDomain", "faultDomain")}
    defaults = {
        "mysqlVersion": VERSIONS["8.4"][-1],
        "dataStorageSizeInGBs": _STORAGE.start,
        "isHighlyAvailable": False,
        "port": 3306,
        "portX": 33060,
        "crashRecovery": "ENABLED",
        "databaseManagement": "DISABLED",
        "databaseMode": "READ_WRITE",
        "accessMode": "UNRESTRICTED",
        "secureConnections": {"certificateGenerationType": "SYSTEM"},
        "encryptData": {"keyGenerationType": "SYSTEM"},
        "nsgIds": [],
        "customerContacts": [],
        "currentPlacement": place,
        "isHeatWaveClusterAttached": False,
        "endpoints": [],
        "channels": [],
        "systemTags": {},
    }
    nested: Mapping[str, dict[str, Any]] = {
        "backupPolicy": {
            "isEnabled": True,
            "windowStartTime": "00:00",
            "retentionInDays": 7,
            "pitrPolicy": {"isEnabled": False},
            "softDelete": "ENABLED",
            "freeformTags": {},
            "definedTags": {},
        },
        "deletionPolicy": {
            "automaticBackupRetention": "DELETE",
            "finalBackup": "SKIP_FINAL_BACKUP",
            "isDeleteProtected": False,
        },
        "maintenance": {
            "windowStartTime": "SUNDAY 04:00",
            "versionPreference": "OLDEST",
            "versionTrackPreference": "FOLLOW",
            "maintenanceScheduleType": "REGULAR",
        },
        "dataStorage": {"isAutoExpandStorageEnabled": False},
    }
    fields = {**defaults, **_given(body)}
    for name, default in nested.items():
        fields[name] = {**default, **_given(body.get(name) or {})}
    return fields | {"dataStorage": _storage(fields)}


def _storage(fields: Mapping[str, Any]) -> dict[str, Any]:
    size, storage = fields["dataStorageSizeInGBs"], fields["dataStorage"]
    largest = {"maxStorageSizeInGBs": _STORAGE[-1]} if storage["isAutoExpandStorageEnabled"] else {}
    return {
        **largest,
        **storage,
        "dataStorageSizeInGBs": size,
        "allocatedStorageSizeInGBs": size,
        "dataStorageSizeLimitInGBs": _STORAGE[-1],
    }


def _check(fields: Mapping[str, Any]) -> None:
    """Raises: ServiceError: 400 for what MySQL does not offer."""
    shape, version, size = fields["shapeName"], fields["mysqlVersion"], fields["dataStorageSizeInGBs"]
    if shape not in SHAPES:
        raise invalid(f"body.shapeName is {shape!r}: expected one of {', '.join(SHAPES)}.")
    if not any(version in versions for versions in VERSIONS.values()):
        raise invalid(f"body.mysqlVersion is {version!r}: it is not offered.")
    if size not in _STORAGE:
        raise invalid(f"body.dataStorageSizeInGBs is {size}: expected {_STORAGE[0]} to {_STORAGE[-1]}.")
    if shape == "MySQL.Free" and (size != _STORAGE.start or fields["isHighlyAvailable"]):
        raise invalid("A DB system of the shape MySQL.Free has 50 GB and is not highly available.")
    storage = fields["dataStorage"]
    if storage.get("isAutoExpandStorageEnabled"):
        largest = storage.get("maxStorageSizeInGBs")
        if largest is not None and not size <= largest < _STORAGE.stop:
            raise invalid(f"body.dataStorage.maxStorageSizeInGBs is {largest}: expected {size} or more.")
    retention = fields["backupPolicy"]["retentionInDays"]
    if retention not in _RETENTION:
        raise invalid(f"body.backupPolicy.retentionInDays is {retention}: expected 1 to 35.")
    if fields["backupPolicy"]["pitrPolicy"]["isEnabled"] and not fields["backupPolicy"]["isEnabled"]:
        raise invalid("body.backupPolicy.pitrPolicy: point-in-time recovery needs backups to be enabled.")


def _administrator(body: Mapping[str, Any]) -> tuple[str, str]:
    """Raises: ServiceError: 400 for no name, a reserved one, or a password that is too weak."""
    name, password = body.get("adminUsername"), body.get("adminPassword")
    if not name or not 1 <= len(name) <= 32 or name.lower() in _RESERVED:
        raise invalid(f"body.adminUsername is {name!r}: expected 1 to 32 characters and no reserved name.")
    if not password or not 8 <= len(password) <= 32 or not all(re.search(c, password) for c in _CLASSES):
        raise invalid(
            "body.adminPassword must be 8 to 32 characters with a lower-case and an upper-case letter, \
a digit and a special character."
        )
    return name, password
