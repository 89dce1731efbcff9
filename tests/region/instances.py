"""Instances: launched from images, with a VNIC, a boot volume, and a machine where one is plugged in."""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from oci.core import models
from starlette.responses import Response

from tests.region.errors import ServiceError, invalid
from tests.region.images import IMAGE, Images
from tests.region.machines import Launch, Machines, NoMachines
from tests.region.places import FAULT_DOMAINS, Places
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources, conflict
from tests.region.server import Call, Handler
from tests.region.standard import Standard
from tests.region.vcns import SUBNET
from tests.region.vnics import ATTACHMENT, Vnics
from tests.region.volumes import ATTACHED_BOOT_VOLUME, Volumes
from tests.region.work_requests import begin

INSTANCE = Kind("instance", models.Instance, "instances", ready="RUNNING", lingers=True)

_METADATA_BYTES = 32_000
_UNCHANGEABLE = ("ssh_authorized_keys", "user_data")
_ACTIONS: Mapping[str, tuple[str, str, str]] = {
    "STOP": ("RUNNING", "STOPPING", "STOPPED"),
    "SOFTSTOP": ("RUNNING", "STOPPING", "STOPPED"),
    "START": ("STOPPED", "STARTING", "RUNNING"),
    "RESET": ("RUNNING", "STARTING", "RUNNING"),
    "SOFTRESET": ("RUNNING", "STARTING", "RUNNING"),
}
_CHANGES = (
    "displayName",
    "freeformTags",
    "definedTags",
    "metadata",
    "extendedMetadata",
    "shape",
    "shapeConfig",
    "faultDomain",
    "agentConfig",
    "instanceOptions",
    "availabilityConfig",
    "sourceDetails",
    "updateOperationConstraint",
)

Seen = Callable[[Resource, str], None]
"""Told of an instance and its address whenever its metadata is new, or with no address when it is gone."""


class Instances:
    """The instances of a region. `machines` may be replaced by what boots real ones."""

    def __init__(
        self, table: Resources, places: Places, images: Images, vnics: Vnics, volumes: Volumes
    ) -> None:
        self.table = table
        self.places = places
        self.machines: Machines = NoMachines()
        self.seen: Seen = lambda _instance, _address: None
        self.failures: dict[str, BaseException] = {}
        self._images = images
        self._vnics = vnics
        self._volumes = volumes
        self._threads: list[threading.Thread] = []

    @property
    def operations(self) -> Mapping[str, Handler]:
        instances = Standard(self.table, INSTANCE, "Instance")
        attachments = Standard(self.table, ATTACHMENT, "VnicAttachment")
        boot = Standard(self.table, ATTACHED_BOOT_VOLUME, "BootVolumeAttachment")
        return {
            **instances.operations,
            **attachments.operations,
            **boot.operations,
            "LaunchInstance": self.launch,
            "UpdateInstance": self.update,
            "TerminateInstance": self.terminate,
            "InstanceAction": self.act,
        }

    def find(self, instance_id: object, where: str) -> Resource:
        return self.table.refer(INSTANCE, instance_id, where)

    def join(self) -> None:
        """Wait for machines that are being booted or ended."""
        for thread in self._threads:
            thread.join()

    async def launch(self, call: Call) -> Response:
        if repeated := self.table.repeated(call, INSTANCE):
            return self.table.answer(repeated)
        body = call.body
        domain = body["availabilityDomain"]
        self.places.check(domain, "body.availabilityDomain")
        shape = self.places.shape(body.get("shape"), "body.shape")
        size = shape.config(body.get("shapeConfig"))
        image = self._image(body)
        _check_metadata(body)
        if (fault_domain := body.get("faultDomain")) not in (None, *FAULT_DOMAINS):
            raise invalid(
                f"body.faultDomain must be one of {', '.join(FAULT_DOMAINS)}, not {fault_domain!r}."
            )
        details = body.get("createVnicDetails") or {"subnetId": body.get("subnetId")}
        subnet, _ = self._vnics.plan(details, "body.createVnicDetails")
        if subnet["availabilityDomain"] not in (None, domain):
            raise invalid(f"body.availabilityDomain: {subnet.id} is in {subnet['availabilityDomain']}.")
        source = dict(body.get("sourceDetails") or {"sourceType": "image", "imageId": image.id})
        gigabytes = self._volumes.check_size(source.get("bootVolumeSizeInGBs"))
        if not self.places.has_room(domain, shape.name):
            raise ServiceError(500, "InternalError", "Out of host capacity.")
        number = len(self.table.of(INSTANCE))
        instance = self.table.create(
            call,
            INSTANCE,
            imageId=image.id,
            region=self.table.region,
            sourceDetails=source,
            shapeConfig=size,
            faultDomain=fault_domain or FAULT_DOMAINS[number % 3],
            launchMode="PARAVIRTUALIZED",
            launchOptions={**image["launchOptions"], **(body.get("launchOptions") or {})},
            instanceOptions={"areLegacyImdsEndpointsDisabled": False, **(body.get("instanceOptions") or {})},
            availabilityConfig={
                "recoveryAction": "RESTORE_INSTANCE",
                **(body.get("availabilityConfig") or {}),
            },
            agentConfig={**_AGENT, **(body.get("agentConfig") or {})},
            isCrossNumaNode=False,
            metadata=body.get("metadata") or {},
            extendedMetadata=body.get("extendedMetadata") or {},
        )
        try:
            self._vnics.attach(instance.fields, instance.id, details)
        except ServiceError:
            self.table.withdraw(instance)
            raise
        self._volumes.attach(instance, image, gigabytes)
        # Not RUNNING before the machine is there, or it is known that there is none.
        instance.due = float("inf")
        self._metadata(instance)
        work = begin(self.table, instance, "LaunchInstance", "CREATED")
        due = self.table.clock.now() + self.table.durations.get(INSTANCE.name, 0.0)
        self._in_thread(lambda: self._boot(instance, image, [instance, work], due))
        return self.table.answer(instance, **{"opc-work-request-id": work.id})

    async def update(self, call: Call) -> Response:
        instance = self._find(call)
        body = call.body
        _check_metadata(body)
        if body.get("metadata") is not None:
            for key in _UNCHANGEABLE:
                if body["metadata"].get(key) != instance["metadata"].get(key):
                    raise invalid(f"body.metadata: {key} cannot be changed after the launch.")
        if body.get("shape") or body.get("shapeConfig"):
            shape = self.places.shape(body.get("shape") or instance["shape"], "body.shape")
            asked = {**instance["shapeConfig"], **(body.get("shapeConfig") or {})}
            body["shapeConfig"] = shape.config(asked)
        for name in ("agentConfig", "instanceOptions", "availabilityConfig"):
            if body.get(name) is not None:
                body[name] = {**(instance[name] or {}), **body[name]}
        source = body.pop("sourceDetails", None)
        image = None
        if source and source.get("imageId"):
            image = self.table.refer(IMAGE, source["imageId"], "body.sourceDetails.imageId")
        self.table.update(call, instance, *_CHANGES)
        if image:
            given = {name: value for name, value in source.items() if value is not None}
            instance.fields |= {"imageId": image.id, "sourceDetails": {**instance["sourceDetails"], **given}}
        self._metadata(instance)
        if image:
            return self._replaced(instance, image)
        work = begin(self.table, instance, "UpdateInstance", "UPDATED")
        return self.table.answer(instance, **{"opc-work-request-id": work.id})

    async def terminate(self, call: Call) -> Response:
        instance = self._find(call)
        if not instance.alive:
            raise conflict(f"{instance.id} is {instance.state}.", "IncorrectState")
        self.table.delete(instance)
        due, instance.due = instance.due, float("inf")
        work = begin(self.table, instance, "TerminateInstance", "DELETED")
        preserved = call.query.get("preserveBootVolume", "false") == "true"

        def end() -> None:
            try:
                self.machines.terminate(instance.id)
            except Exception as error:
                self.failures[instance.id] = error
            self._vnics.detach(instance.id)
            self._volumes.detach(instance.id, preserved=preserved)
            self.seen(instance, "")
            instance.due = work.due = due

        self._in_thread(end)
        return Response(status_code=204, headers={"opc-work-request-id": work.id})

    async def act(self, call: Call) -> Response:
        instance = self._find(call)
        action = call.query["action"]
        if action not in _ACTIONS:
            raise invalid(f"The action must be one of {', '.join(_ACTIONS)}, not {action!r}.")
        before, through, after = _ACTIONS[action]
        if instance.state != before:
            raise conflict(f"{instance.id} is {instance.state}; {action} needs {before}.", "IncorrectState")
        self.table.move(instance, through, after)
        due, instance.due = instance.due, float("inf")

        def run() -> None:
            try:
                self.machines.act(instance.id, action)
            except Exception as error:
                self.failures[instance.id] = error
            instance.due = due

        self._in_thread(run)
        return self.table.answer(instance)

    def _find(self, call: Call) -> Resource:
        return self.table.find(call, INSTANCE, call.path["instanceId"], Verb.MANAGE)

    def _image(self, body: Mapping[str, Any]) -> Resource:
        source = body.get("sourceDetails") or {}
        if source.get("sourceType", "image") != "image":
            raise invalid("body.sourceDetails.sourceType: this region launches from images only.")
        image = self.table.refer(
            IMAGE, source.get("imageId") or body.get("imageId"), "body.sourceDetails.imageId"
        )
        if image.state != "AVAILABLE":
            raise conflict(f"The image {image.id} is {image.state}.", "IncorrectState")
        return image

    def _metadata(self, instance: Resource) -> None:
        vnic = self._vnics.of(instance.id)
        if vnic:
            self.seen(instance, vnic["privateIp"])

    def _replaced(self, instance: Resource, image: Resource) -> Response:
        """The same instance, stopped and started again from another image."""
        self.table.move(instance, "STARTING", "RUNNING")
        due, instance.due = instance.due, float("inf")
        work = begin(self.table, instance, "UpdateInstance", "UPDATED")

        def run() -> None:
            try:
                self.machines.terminate(instance.id)
            except Exception as error:
                self.failures[instance.id] = error
            self._boot(instance, image, [instance, work], due)

        self._in_thread(run)
        return self.table.answer(instance, **{"opc-work-request-id": work.id})

    def _boot(self, instance: Resource, image: Resource, waiting: list[Resource], due: float) -> None:
        vnic = self._vnics.of(instance.id)
        assert vnic
        subnet = self.table.refer(SUBNET, vnic["subnetId"], "subnetId")
        name = vnic["hostnameLabel"] or instance["displayName"]
        launch = Launch(
            instance.id,
            instance["displayName"],
            f"{name}.{subnet['subnetDomainName']}" if subnet["subnetDomainName"] else name,
            vnic["privateIp"],
            image.id,
            image["displayName"],
            self._images.contents.get(image.id),
            instance["metadata"],
            instance["shape"],
        )
        try:
            self.machines.launch(launch)
        except Exception as error:
            self.failures[instance.id] = error
            self._vnics.detach(instance.id)
            self._volumes.detach(instance.id, preserved=False)
            instance.move("TERMINATING", "TERMINATED", due)
            return
        for each in waiting:
            each.due = due

    def _in_thread(self, run: Callable[[], None]) -> None:
        if isinstance(self.machines, NoMachines):
            run()
            return
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()


_AGENT = {"isMonitoringDisabled": False, "isManagementDisabled": False, "areAllPluginsDisabled": False}


def _check_metadata(body: Mapping[str, Any]) -> None:
    given = {**(body.get("metadata") or {}), **(body.get("extendedMetadata") or {})}
    if len(json.dumps(given).encode()) > _METADATA_BYTES:
        raise invalid(f"body.metadata and body.extendedMetadata must be {_METADATA_BYTES} bytes at most.")
