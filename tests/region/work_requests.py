"""Work requests of compute and networking: what became of something that takes its time."""

from collections.abc import Mapping
from datetime import UTC, datetime

import oci.work_requests
from oci.work_requests import models
from starlette.responses import JSONResponse, Response

from tests.region.listing import stamp
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources
from tests.region.server import Call, Handler

WORK_REQUEST = Kind(
    "coreservicesworkrequest",
    models.WorkRequest,
    "work-requests",
    summary=models.WorkRequestSummary,
    creating="IN_PROGRESS",
    ready="SUCCEEDED",
    state="status",
)


def begin(table: Resources, of: Resource, operation: str, action: str, kind: Kind = WORK_REQUEST) -> Resource:
    """A work request that succeeds when the resource has settled."""
    now = stamp(datetime.now(UTC))
    affected = {"actionType": "IN_PROGRESS", "entityType": of.kind.name, "identifier": of.id}
    fields = {
        "operationType": operation,
        "compartmentId": of.compartment,
        "resources": [affected],
        "percentComplete": 0.0,
        "timeAccepted": now,
        "timeStarted": now,
    }
    work = table.add(kind, fields)
    work.due = of.due

    def finish() -> None:
        affected["actionType"] = action
        work.fields |= {"percentComplete": 100.0, "timeFinished": stamp(datetime.now(UTC))}

    work.settled = finish
    return work


class WorkRequests:
    """The work requests of the services that have none of their own."""

    client = oci.work_requests.WorkRequestClient

    def __init__(self, table: Resources) -> None:
        self.table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "GetWorkRequest": self.get,
            "ListWorkRequestErrors": self.list_nothing,
            "ListWorkRequestLogs": self.list_nothing,
        }

    async def get(self, call: Call) -> Response:
        return self.table.answer(self._find(call))

    async def list_nothing(self, call: Call) -> Response:
        self._find(call)
        return JSONResponse([])

    def _find(self, call: Call) -> Resource:
        return self.table.find(call, WORK_REQUEST, call.path["workRequestId"], Verb.READ)
