"""Boot volumes: made with their instances, read and grown afterwards."""

from collections.abc import Mapping

import oci.core
from oci.core import models
from starlette.responses import JSONResponse, Response

from tests.region.errors import invalid
from tests.region.resources import Kind, Resource, Resources
from tests.region.server import Call, Handler
from tests.region.standard import Standard
from tests.region.vcns import NAMED

BOOT_VOLUME = Kind("bootvolume", models.BootVolume, "volumes")
ATTACHED_BOOT_VOLUME = Kind(
    "instance",
    models.BootVolumeAttachment,
    "volume-attachments",
    creating="ATTACHING",
    ready="ATTACHED",
    deleting="DETACHING",
    deleted="DETACHED",
)

_SMALLEST = 50


class Volumes:
    """The boot volumes of a region."""

    client = oci.core.BlockstorageClient

    def __init__(self, table: Resources) -> None:
        self.table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        changes = (*NAMED, "sizeInGBs", "vpusPerGB", "isAutoTuneEnabled", "autotunePolicies")
        volumes = Standard(
            self.table,
            BOOT_VOLUME,
            "BootVolume",
            None,
            changes,
            self.check,
            self.table.check_unused,
        )
        return {
            **volumes.operations,
            "GetBootVolumeKmsKey": self.get_key,
            "GetVolumeBackupPolicyAssetAssignment": self.list_nothing,
        }

    async def list_nothing(self, _call: Call) -> Response:
        return JSONResponse([])

    async def get_key(self, call: Call) -> Response:
        volume = self.table.find(call, BOOT_VOLUME, call.path["bootVolumeId"])
        return JSONResponse({"kmsKeyId": volume["kmsKeyId"]})

    def check(self, call: Call, volume: Resource) -> None:
        size = call.body.get("sizeInGBs")
        if size is not None and size < volume["sizeInGBs"]:
            raise invalid(f"body.sizeInGBs: a volume of {volume['sizeInGBs']} GB cannot become smaller.")

    def check_size(self, size: int | None) -> int:
        """Raises: ServiceError: 400 for less than the smallest boot volume."""
        if size is not None and size < _SMALLEST:
            raise invalid(f"body.sourceDetails.bootVolumeSizeInGBs must be {_SMALLEST} or more, not {size}.")
        return size or _SMALLEST

    def attach(self, instance: Resource, image: Resource, gigabytes: int) -> None:
        """A boot volume out of an image, on an instance that is being launched."""
        place = {"compartmentId": instance.compartment, "availabilityDomain": instance["availabilityDomain"]}
        source = instance["sourceDetails"]
        volume = self.table.add(
            BOOT_VOLUME,
            {
                **place,
                "displayName": f"{instance['displayName']} (Boot Volume)",
                "imageId": image.id,
                "isHydrated": True,
                "sizeInGBs": gigabytes,
                "sizeInMBs": gigabytes * 1024,
                "vpusPerGB": source.get("bootVolumeVpusPerGB") or 10,
                "kmsKeyId": source.get("kmsKeyId"),
                "isAutoTuneEnabled": False,
            },
            settled=True,
        )
        self.table.add(
            ATTACHED_BOOT_VOLUME,
            {**place, "bootVolumeId": volume.id, "instanceId": instance.id, "displayName": "boot volume"},
            settled=True,
        )

    def detach(self, instance_id: str, *, preserved: bool) -> None:
        """Take the boot volume off its instance, and away unless it is to be preserved."""
        for attachment in self.table.of(ATTACHED_BOOT_VOLUME, instanceId=instance_id):
            for volume in self.table.of(BOOT_VOLUME):
                if volume.id == attachment["bootVolumeId"] and not preserved:
                    self.table.delete(volume)
            self.table.delete(attachment)
