"""Images: Oracle's own, imported and captured ones, and what Packer asks of their capabilities."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from oci.core import models
from starlette.responses import JSONResponse, Response

from tests.region.errors import invalid, not_found
from tests.region.listing import paged
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources, conflict
from tests.region.server import Call, Handler
from tests.region.standard import Standard
from tests.region.vcns import NAMED

IMAGE = Kind("image", models.Image, "instance-images", deleting="DELETED", deleted="DELETED", lingers=True)
SCHEMA = Kind(
    "computeimgcapschema",
    models.ComputeImageCapabilitySchema,
    "compute-image-capability-schema",
    creating="AVAILABLE",
)

Reader = Callable[[Call, str, str, str], Path | None]
"""Finds the object of a namespace, a bucket and a name for a caller; raises 404 where there is none."""

_SCHEMA_VERSION = {
    "computeGlobalImageCapabilitySchemaId": "ocid1.computeglobalimgcapschema.oc99..sim",
    "name": "00000000-0000-0000-0000-000000000001",
    "displayName": "Global image capability schema",
    "schemaData": {
        "Compute.Firmware": {
            "descriptorType": "enumstring",
            "source": "GLOBAL",
            "defaultValue": "UEFI_64",
            "values": ["BIOS", "UEFI_64"],
        },
        "Storage.ConsistentVolumeNaming": {
            "descriptorType": "boolean",
            "source": "GLOBAL",
            "defaultValue": True,
        },
    },
    "timeCreated": "2026-01-01T00:00:00.000Z",
}


class Images:
    """The images of a region. `contents` says where the files of an image are, for whoever boots machines."""

    def __init__(self, table: Resources, instance: Callable[[object, str], Resource]) -> None:
        self.table = table
        self.contents: dict[str, Path] = {}
        self.read: Reader = lambda _call, _namespace, _bucket, _name: None
        self._instance = instance

    @property
    def operations(self) -> Mapping[str, Handler]:
        changes = (*NAMED, "operatingSystem", "operatingSystemVersion")
        images = Standard(self.table, IMAGE, "Image", self.create, changes, remove=lambda _: None, plural="")
        schemas = Standard(
            self.table,
            SCHEMA,
            "ComputeImageCapabilitySchema",
            self.create_schema,
            (*NAMED, "schemaData"),
            remove=lambda _: None,
        )
        return {
            **images.operations,
            **schemas.operations,
            "ListImages": self.list,
            "ListComputeGlobalImageCapabilitySchemas": self.list_global_schemas,
            "GetComputeGlobalImageCapabilitySchemaVersion": self.get_global_schema_version,
        }

    def add(
        self, name: str, *, compartment: str | None = None, content: Path | None = None, **fields: Any
    ) -> Resource:
        """An image that is there already: Oracle's own without a compartment."""
        given = {
            "displayName": name,
            "compartmentId": compartment,
            "operatingSystem": "Oracle Linux",
            "operatingSystemVersion": "8",
            **_MADE,
            **fields,
        }
        image = self.table.add(IMAGE, given, settled=True)
        if content:
            self.contents[image.id] = content
        return image

    def create(self, call: Call) -> Resource:
        source, instance_id = call.body.get("imageSourceDetails"), call.body.get("instanceId")
        if (source is None) == (instance_id is None):
            raise invalid(
                "One of body.instanceId and body.imageSourceDetails is required.", "MissingParameter"
            )
        if instance_id:
            return self._captured(call, instance_id)
        content = self._source(call, source)
        image = self.table.create(
            call,
            IMAGE,
            operatingSystem=source.get("operatingSystem") or "Custom",
            operatingSystemVersion=source.get("operatingSystemVersion") or "Custom",
            **_MADE,
        )
        image.state = "IMPORTING"
        if content:
            self.contents[image.id] = content
        return image

    async def list(self, call: Call) -> Response:
        """The compartment's images and Oracle's own."""
        compartment = call.query["compartmentId"]
        call.authorize(Verb.INSPECT, IMAGE.family, compartment)
        found = [each for each in self.table.of(IMAGE) if each["compartmentId"] in (compartment, None)]
        query = {name: value for name, value in call.query.items() if name != "compartmentId"}
        return self.table.shown(query, IMAGE, found, "shape")

    def create_schema(self, call: Call) -> Resource:
        self.table.refer(IMAGE, call.body["imageId"], "body.imageId")
        fields = {
            "computeGlobalImageCapabilitySchemaId": _SCHEMA_VERSION["computeGlobalImageCapabilitySchemaId"]
        }
        return self.table.create(call, SCHEMA, **fields)

    async def list_global_schemas(self, call: Call) -> Response:
        version = _SCHEMA_VERSION
        schema = {
            "id": version["computeGlobalImageCapabilitySchemaId"],
            "name": "OCI.ComputeGlobalImageCapabilitySchema",
            "displayName": version["displayName"],
            "currentVersionName": version["name"],
            "timeCreated": version["timeCreated"],
        }
        items, headers = paged([schema], call.query)
        return JSONResponse(items, headers=headers)

    async def get_global_schema_version(self, call: Call) -> Response:
        asked = (
            call.path["computeGlobalImageCapabilitySchemaId"],
            call.path["computeGlobalImageCapabilitySchemaVersionName"],
        )
        if asked != (_SCHEMA_VERSION["computeGlobalImageCapabilitySchemaId"], _SCHEMA_VERSION["name"]):
            raise not_found()
        return JSONResponse(_SCHEMA_VERSION)

    def _captured(self, call: Call, instance_id: object) -> Resource:
        instance = self._instance(instance_id, "body.instanceId")
        if instance.state not in ("RUNNING", "STOPPED"):
            raise conflict(f"{instance.id} is {instance.state}; it must run or be stopped.", "IncorrectState")
        base = self.table.refer(IMAGE, instance["imageId"], "imageId")
        return self.table.create(
            call,
            IMAGE,
            baseImageId=base.id,
            operatingSystem=base["operatingSystem"],
            operatingSystemVersion=base["operatingSystemVersion"],
            **_MADE,
        )

    def _source(self, call: Call, source: Mapping[str, Any]) -> Path | None:
        if source["sourceType"] == "objectStorageTuple":
            return self.read(call, source["namespaceName"], source["bucketName"], source["objectName"])
        parts = urlsplit(source["sourceUri"])
        if parts.scheme != "https" or not parts.hostname:
            raise invalid(
                f"body.imageSourceDetails.sourceUri must be an https URL, not {source['sourceUri']!r}."
            )
        named = unquote(parts.path).split("/", 6)
        # /n/<namespace>/b/<bucket>/o/<object> is an object of this region; what lies elsewhere is believed.
        if len(named) == 7 and (named[1], named[3], named[5]) == ("n", "b", "o"):
            return self.read(call, named[2], named[4], named[6])
        return None


_MADE: Mapping[str, Any] = {
    "createImageAllowed": True,
    "launchMode": "PARAVIRTUALIZED",
    "launchOptions": {
        "bootVolumeType": "PARAVIRTUALIZED",
        "firmware": "UEFI_64",
        "networkType": "PARAVIRTUALIZED",
        "remoteDataVolumeType": "PARAVIRTUALIZED",
        "isPvEncryptionInTransitEnabled": True,
        "isConsistentVolumeNamingEnabled": True,
    },
    "agentFeatures": {"isMonitoringSupported": True, "isManagementSupported": True},
    "listingType": "NONE",
    "sizeInMBs": 47694,
    "billableSizeInGBs": 4,
}
