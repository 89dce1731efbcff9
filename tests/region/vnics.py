"""VNICs, their private addresses, and how they hang on instances."""

from collections.abc import Mapping
from typing import Any

from oci.core import models
from starlette.responses import JSONResponse, Response

from tests.region import addresses
from tests.region.addresses import PRIVATE_IP
from tests.region.errors import ServiceError, invalid
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources
from tests.region.security import NSG
from tests.region.server import Call, Handler
from tests.region.standard import Standard
from tests.region.vcns import NAMED, SUBNET

VNIC = Kind("vnic", models.Vnic, "vnics")
ATTACHMENT = Kind(
    "vnicattachment",
    models.VnicAttachment,
    "vnic-attachments",
    creating="ATTACHING",
    ready="ATTACHED",
    deleting="DETACHING",
    deleted="DETACHED",
)


class Vnics:
    """The VNICs of a region; instances get theirs when they are launched."""

    def __init__(self, table: Resources) -> None:
        self.table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        changes = (*NAMED, "nsgIds", "hostnameLabel", "skipSourceDestCheck")
        vnics = Standard(self.table, VNIC, "Vnic", None, changes, self.check, plural="")
        private = Standard(self.table, PRIVATE_IP, "PrivateIp")
        return {
            **vnics.operations,
            **private.operations,
            "ListPrivateIps": self.list_private_ips,
            "ListIpv6s": self.list_ipv6s,
        }

    async def list_private_ips(self, call: Call) -> Response:
        if not call.query.keys() & {"subnetId", "vnicId", "ipAddress"}:
            raise ServiceError(400, "MissingParameter", "One of vnicId and subnetId is required.")
        for resource in self.table.of(PRIVATE_IP)[:1]:
            call.authorize(Verb.INSPECT, PRIVATE_IP.family, resource.compartment)
        return self.table.listed(call, PRIVATE_IP)

    async def list_ipv6s(self, call: Call) -> Response:
        """None: the networks of this region have IPv4 addresses only."""
        if vnic := call.query.get("vnicId"):
            self.table.find(call, VNIC, vnic)
        return JSONResponse([])

    def check(self, call: Call, vnic: Resource) -> None:
        subnet = self.table.refer(SUBNET, vnic["subnetId"], "subnetId")
        self.check_groups(call.body.get("nsgIds") or [], subnet, "body.nsgIds")

    def check_groups(self, groups: list[str], subnet: Resource, where: str) -> None:
        """Raises: ServiceError: 400 or 404 unless they are at most five groups of the subnet's VCN."""
        if len(groups) > 5:
            raise invalid(f"{where} must be at most 5.")
        for group in groups:
            if self.table.refer(NSG, group, where)["vcnId"] != subnet["vcnId"]:
                raise invalid(f"{where}: {group} is not of the subnet's VCN {subnet['vcnId']}.")

    def attach(self, instance: Mapping[str, Any], instance_id: str, details: Mapping[str, Any]) -> Resource:
        """The first VNIC of an instance that is being launched."""
        where = "body.createVnicDetails"
        subnet, public = self.plan(details, where)
        vnic_id_holder = self.table.ocid("vnic")
        private = addresses.take(
            self.table,
            subnet,
            vnic_id_holder,
            wanted=details.get("privateIp"),
            hostname=details.get("hostnameLabel"),
        )
        number = private.number
        shared = {
            "compartmentId": instance["compartmentId"],
            "availabilityDomain": instance["availabilityDomain"],
            "subnetId": subnet.id,
        }
        vnic = self.table.add(
            VNIC,
            {
                **shared,
                "displayName": details.get("displayName") or instance.get("displayName"),
                "freeformTags": details.get("freeformTags"),
                "definedTags": details.get("definedTags"),
                "hostnameLabel": details.get("hostnameLabel"),
                "isPrimary": True,
                "macAddress": f"02:00:17:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
                "nsgIds": details.get("nsgIds") or [],
                "privateIp": private["ipAddress"],
                "publicIp": f"203.0.113.{number % 250 + 1}" if public else None,
                "skipSourceDestCheck": bool(details.get("skipSourceDestCheck")),
            },
            settled=True,
        )
        private.fields["vnicId"] = vnic.id
        self.table.add(
            ATTACHMENT, {**shared, "instanceId": instance_id, "vnicId": vnic.id, "nicIndex": 0}, settled=True
        )
        return vnic

    def plan(self, details: Mapping[str, Any], where: str) -> tuple[Resource, bool]:
        """The subnet of a VNIC to be and whether it gets a public address; raises what attaching would."""
        subnet = self.table.refer(SUBNET, details.get("subnetId"), f"{where}.subnetId")
        self.check_groups(details.get("nsgIds") or [], subnet, f"{where}.nsgIds")
        private = bool(subnet["prohibitPublicIpOnVnic"])
        public = details.get("assignPublicIp")
        if public and private:
            raise invalid(f"{where}.assignPublicIp: {subnet.id} prohibits public addresses.")
        return subnet, not private if public is None else bool(public)

    def detach(self, instance_id: str) -> None:
        """Take all that hangs on an instance away."""
        for attachment in self.table.of(ATTACHMENT, instanceId=instance_id):
            for vnic in self.table.of(VNIC):
                if vnic.id == attachment["vnicId"]:
                    for private in self.table.of(PRIVATE_IP, vnicId=vnic.id):
                        self.table.delete(private)
                    self.table.delete(vnic)
            self.table.delete(attachment)

    def of(self, instance_id: str) -> Resource | None:
        """The first VNIC of the instance."""
        for attachment in self.table.of(ATTACHMENT, instanceId=instance_id):
            for vnic in self.table.of(VNIC):
                if vnic.id == attachment["vnicId"]:
                    return vnic
        return None
