"""Bastions: made in a subnet, with the addresses that may use them. Sessions are answered with 501."""

from collections.abc import Mapping

import oci.bastion
from oci.bastion import models
from starlette.responses import JSONResponse, Response

from tests.region import addresses
from tests.region.errors import invalid
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources
from tests.region.server import Call, Handler
from tests.region.standard import Standard
from tests.region.vcns import SUBNET
from tests.region.work_requests import begin

BASTION = Kind(
    "bastion",
    models.Bastion,
    "bastion",
    summary=models.BastionSummary,
    creating="CREATING",
    ready="ACTIVE",
    updating="UPDATING",
    deleting="DELETING",
    deleted="DELETED",
    lingers=True,
)
WORK_REQUEST = Kind(
    "bastionworkrequest",
    models.WorkRequest,
    "bastion",
    summary=models.WorkRequestSummary,
    creating="IN_PROGRESS",
    ready="SUCCEEDED",
    state="status",
)

_SESSION_SECONDS = 10800
_CHANGES = (
    "maxSessionTtlInSeconds",
    "clientCidrBlockAllowList",
    "staticJumpHostIpAddresses",
    "freeformTags",
    "definedTags",
)


class Bastions:
    """The bastions of a region."""

    client = oci.bastion.BastionClient

    def __init__(self, table: Resources) -> None:
        self.table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        bastions = Standard(self.table, BASTION, "Bastion", ignored=("bastionLifecycleState", "bastionId"))
        return {
            **bastions.operations,
            "CreateBastion": self.create,
            "UpdateBastion": self.update,
            "DeleteBastion": self.delete,
            "GetWorkRequest": self.get_work_request,
            "ListWorkRequestErrors": self.list_nothing,
            "ListWorkRequestLogs": self.list_nothing,
        }

    async def create(self, call: Call) -> Response:
        bastion = self.table.repeated(call, BASTION) or self._made(call)
        return self._answer(bastion, "CREATE_BASTION", "CREATED")

    async def update(self, call: Call) -> Response:
        bastion = self._find(call, Verb.MANAGE)
        _check_addresses(call)
        self.table.update(call, bastion, *_CHANGES)
        return self._answer(bastion, "UPDATE_BASTION", "UPDATED")

    async def delete(self, call: Call) -> Response:
        bastion = self.table.delete(self._find(call, Verb.MANAGE))
        for private in self.table.of(addresses.PRIVATE_IP, vnicId=bastion.id):
            self.table.delete(private)
        work = begin(self.table, bastion, "DELETE_BASTION", "DELETED", WORK_REQUEST)
        return Response(status_code=202, headers={"opc-work-request-id": work.id})

    async def get_work_request(self, call: Call) -> Response:
        return self.table.answer(self.table.find(call, WORK_REQUEST, call.path["workRequestId"]))

    async def list_nothing(self, call: Call) -> Response:
        self.table.find(call, WORK_REQUEST, call.path["workRequestId"])
        return JSONResponse([])

    def _made(self, call: Call) -> Resource:
        body = call.body
        if body["bastionType"].upper() != "STANDARD":
            raise invalid(f"body.bastionType must be STANDARD, not {body['bastionType']!r}.")
        subnet = self.table.refer(SUBNET, body["targetSubnetId"], "body.targetSubnetId")
        _check_addresses(call)
        bastion = self.table.create(
            call,
            BASTION,
            bastionType="STANDARD",
            name=body.get("name") or "bastion",
            targetVcnId=subnet["vcnId"],
            maxSessionTtlInSeconds=body.get("maxSessionTtlInSeconds") or _SESSION_SECONDS,
            maxSessionsAllowed=20,
            dnsProxyStatus=body.get("dnsProxyStatus") or "DISABLED",
            clientCidrBlockAllowList=body.get("clientCidrBlockAllowList") or [],
            staticJumpHostIpAddresses=[],
        )
        private = addresses.take(self.table, subnet, bastion.id)
        bastion.fields["privateEndpointIpAddress"] = private["ipAddress"]
        return bastion

    def _find(self, call: Call, verb: Verb) -> Resource:
        return self.table.find(call, BASTION, call.path["bastionId"], verb)

    def _answer(self, bastion: Resource, operation: str, action: str) -> Response:
        work = begin(self.table, bastion, operation, action, WORK_REQUEST)
        return self.table.answer(bastion, **{"opc-work-request-id": work.id})


def _check_addresses(call: Call) -> None:
    for block in call.body.get("clientCidrBlockAllowList") or []:
        addresses.network(block, "body.clientCidrBlockAllowList")
    seconds = call.body.get("maxSessionTtlInSeconds")
    if seconds is not None and not 1800 <= seconds <= _SESSION_SECONDS:
        raise invalid(f"body.maxSessionTtlInSeconds must be from 1800 to {_SESSION_SECONDS}, not {seconds}.")
