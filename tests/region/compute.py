"""Compute: shapes and their capacity, images and instances, under the SDK's one client for them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import oci.core
from starlette.responses import JSONResponse, Response

from tests.region.images import Images
from tests.region.instances import Instances
from tests.region.listing import paged, stamp
from tests.region.places import Places
from tests.region.policies import Verb
from tests.region.resources import Resources
from tests.region.server import Call, Handler
from tests.region.vnics import Vnics
from tests.region.volumes import Volumes


class Compute:
    """The instances and images of a region."""

    client = oci.core.ComputeClient

    def __init__(self, table: Resources, places: Places, vnics: Vnics, volumes: Volumes) -> None:
        self.places = places
        self.images = Images(table, lambda resource_id, where: self.instances.find(resource_id, where))
        self.instances = Instances(table, places, self.images, vnics, volumes)

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            **self.images.operations,
            **self.instances.operations,
            "ListShapes": self.list_shapes,
            "CreateComputeCapacityReport": self.report_capacity,
        }

    async def list_shapes(self, call: Call) -> Response:
        call.authorize(Verb.INSPECT, "instances", call.query["compartmentId"])
        if domain := call.query.get("availabilityDomain"):
            self.places.check(domain, "availabilityDomain")
        shapes = [shape.shown for shape in self.places.offered(domain)]
        items, headers = paged(shapes, call.query)
        return JSONResponse(items, headers=headers)

    async def report_capacity(self, call: Call) -> Response:
        body = call.body
        call.authorize(Verb.MANAGE, "compute-capacity-reports", body["compartmentId"])
        self.places.check(body["availabilityDomain"], "body.availabilityDomain")
        shapes = [
            self._availability(body["availabilityDomain"], each) for each in body["shapeAvailabilities"]
        ]
        report = {
            "compartmentId": body["compartmentId"],
            "availabilityDomain": body["availabilityDomain"],
            "shapeAvailabilities": shapes,
            "timeCreated": stamp(datetime.now(UTC)),
        }
        return JSONResponse(report)

    def _availability(self, domain: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = self.places.shape(asked["instanceShape"], "body.shapeAvailabilities.instanceShape").name
        if not self.places.offers(domain, name):
            status = "HARDWARE_NOT_SUPPORTED"
        else:
            status = "AVAILABLE" if self.places.has_room(domain, name) else "OUT_OF_HOST_CAPACITY"
        return {
            "faultDomain": asked.get("faultDomain"),
            "instanceShape": name,
            "instanceShapeConfig": asked.get("instanceShapeConfig"),
            "availabilityStatus": status,
            "availableCount": 100 if status == "AVAILABLE" else 0,
        }
