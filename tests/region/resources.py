"""What the region holds: one table of resources of every kind, with the manners that all OCI services share.

A resource is made in one state and settles in the next when its time has come; the time is a clock that a
test may stop and move, so that a state in between can be seen without sleeping.
"""

import itertools
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.region.errors import ServiceError, invalid, not_found, not_implemented
from tests.region.listing import paged, stamp
from tests.region.policies import Verb
from tests.region.server import Call

_OCID = re.compile(r"ocid1\.(?P<kind>[a-z0-9]+)\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9]+")
_FREE_FIELDS = ("metadata", "extendedMetadata", "freeformTags", "definedTags")
"""What its owner may write anything into: an OCID there is no reference."""
_OF_LISTS = ("limit", "page", "sortBy", "sortOrder")


class Clock:
    """Time that runs by itself until a test stops it and moves it on."""

    def __init__(self) -> None:
        self._stopped: float | None = None

    def now(self) -> float:
        return time.monotonic() if self._stopped is None else self._stopped

    def stop(self) -> None:
        self._stopped = self.now()

    def advance(self, seconds: float) -> None:
        """Move a stopped clock on."""
        if self._stopped is None:
            raise RuntimeError("only a stopped clock can be moved")
        self._stopped += seconds

    def run(self) -> None:
        self._stopped = None


@dataclass(frozen=True)
class Kind:
    """One kind of resource: its word in OCIDs, the SDK's models of it, its states and its policy family.

    `lingers`: whether a deleted one is still shown, as deleted, instead of answering 404; `state`: the field
    that shows the state.
    """

    name: str
    model: type
    family: str
    summary: type | None = None
    creating: str = "PROVISIONING"
    ready: str = "AVAILABLE"
    updating: str | None = None
    deleting: str = "TERMINATING"
    deleted: str = "TERMINATED"
    lingers: bool = False
    state: str = "lifecycleState"


@dataclass
class Resource:
    """One resource: `fields` are what its model shows, by their names on the wire."""

    kind: Kind
    id: str
    fields: dict[str, Any]
    state: str
    etag: str = field(default_factory=lambda: uuid.uuid4().hex)
    due: float = 0.0
    following: str | None = None
    settled: Callable[[], None] | None = None
    number: int = field(default_factory=itertools.count().__next__)

    @property
    def compartment(self) -> str:
        return str(self.fields["compartmentId"])

    @property
    def alive(self) -> bool:
        """Whether it is neither deleted nor being deleted."""
        return self.state not in (self.kind.deleting, self.kind.deleted)

    def __getitem__(self, name: str) -> Any:
        return self.fields.get(name)

    def json(self, model: type | None = None) -> dict[str, Any]:
        """As the SDK's model has it, every field on its name on the wire."""
        shown = {self.kind.state: self.state, **self.fields, "id": self.id}
        wire: Mapping[str, str] = (model or self.kind.model)().attribute_map
        return {name: shown.get(name) for name in wire.values()}

    def move(self, state: str, following: str | None, due: float) -> None:
        """Go to a state, and from there to the following one when it is due."""
        self.state, self.following, self.due = state, following, due
        self.touch()

    def touch(self) -> None:
        self.etag = uuid.uuid4().hex
        if "timeUpdated" in self.fields:
            self.fields["timeUpdated"] = stamp(datetime.now(UTC))


class Resources:
    """The table. `durations`: the seconds that a kind takes from one state to the next (0 if not in it)."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.clock = Clock()
        self.durations: dict[str, float] = {}
        self._all: dict[str, Resource] = {}
        self._by_token: dict[tuple[str, str], Resource] = {}
        self.lock = threading.RLock()

    # Making and finding

    def ocid(self, kind: str) -> str:
        return f"ocid1.{kind}.oc99.{self.region}.{uuid.uuid4().hex}"

    def create(self, call: Call, kind: Kind, /, **fields: Any) -> Resource:
        """A new resource out of the request's body and further fields; authorized, named and tagged.

        A request repeated with the same opc-retry-token gets what the first one made.
        """
        body = {**(call.body or {}), **fields}
        call.authorize(Verb.MANAGE, kind.family, body["compartmentId"])
        token = (kind.name, call.request.headers.get("opc-retry-token", uuid.uuid4().hex))
        with self.lock:
            if token in self._by_token:
                return self._by_token[token]
            made = self.add(kind, body)
            self._by_token[token] = made
            return made

    def repeated(self, call: Call, kind: Kind) -> Resource | None:
        """What an earlier request with the same opc-retry-token made, to be asked before conflicts are."""
        return self._by_token.get((kind.name, call.request.headers.get("opc-retry-token", "")))

    def add(
        self, kind: Kind, fields: Mapping[str, Any], *, settled: bool = False, resource_id: str | None = None
    ) -> Resource:
        """A new resource with no request behind it, such as a VCN's default route table."""
        now = stamp(datetime.now(UTC))
        word = kind.name
        given = {
            "displayName": f"{word}{datetime.now(UTC):%Y%m%d%H%M%S}",
            "freeformTags": {},
            "definedTags": {},
            "systemTags": {},
            "securityAttributes": {},
            "timeCreated": now,
            "timeUpdated": now,
            **{name: value for name, value in fields.items() if value is not None},
        }
        resource = Resource(
            kind, resource_id or self.ocid(word), given, kind.ready if settled else kind.creating
        )
        if not settled:
            resource.move(kind.creating, kind.ready, self._due(kind))
        self._all[resource.id] = resource
        return resource

    def withdraw(self, resource: Resource) -> None:
        """Forget one whose making was refused after all: a repeated request is a new one."""
        with self.lock:
            self._all.pop(resource.id, None)
            self._by_token = {token: each for token, each in self._by_token.items() if each is not resource}

    def of(self, kind: Kind, **where: Any) -> list[Resource]:
        """Those of the kind that are not deleted and have these fields, oldest first."""
        with self.lock:
            found = [self.look(each) for each in list(self._all.values()) if each.kind is kind]
        return [
            each
            for each in sorted(found, key=lambda each: each.number)
            if each.state != kind.deleted and all(each[name] == value for name, value in where.items())
        ]

    def left(self) -> list[Resource]:
        """All that is not deleted, of whatever kind."""
        with self.lock:
            return [
                each for each in map(self.look, list(self._all.values())) if each.state != each.kind.deleted
            ]

    def by_id(self, resource_id: str) -> list[Resource]:
        """The one of this OCID, whatever it is, or nothing."""
        found = self._all.get(resource_id)
        return [self.look(found)] if found else []

    def find(self, call: Call, kind: Kind, resource_id: str, verb: Verb = Verb.READ) -> Resource:
        """The resource of this OCID, for whoever may do this with it.

        Raises:
            ServiceError: 404 for one that is not there or may not be seen; 412 for a stale if-match.
        """
        resource = self._all.get(resource_id)
        if resource is None or resource.kind is not kind:
            raise not_found()
        with self.lock:
            self.look(resource)
        call.authorize(verb, kind.family, resource.compartment)
        if resource.state == kind.deleted and (not kind.lingers or verb > Verb.READ):
            raise not_found()
        if verb > Verb.READ and call.request.headers.get("if-match", resource.etag) not in (
            resource.etag,
            "*",
        ):
            raise ServiceError(412, "NoEtagMatch", "The if-match header is not the etag of the resource.")
        return resource

    def refer(self, kind: Kind, resource_id: object, where: str) -> Resource:
        """What a request's field refers to.

        Raises:
            ServiceError: 400 for what is no OCID of the kind, 404 for nothing there, 409 for what goes.
        """
        match = _OCID.fullmatch(str(resource_id))
        if match is None or match["kind"] != kind.name:
            raise invalid(f"{where} must be the OCID of a {kind.name}, not {resource_id!r}.")
        resource = self._all.get(str(resource_id))
        if resource is None or resource.kind is not kind or self.look(resource).state == kind.deleted:
            raise ServiceError(404, "NotAuthorizedOrNotFound", f"{where}: {resource_id} was not found.")
        if not resource.alive:
            raise conflict(f"{where}: {resource_id} is {resource.state}.", "IncorrectState")
        return resource

    # Changing

    def update(self, call: Call, resource: Resource, *names: str) -> Resource:
        """Take over what the body gives; `names` limits it to these fields, others are 400.

        Raises:
            ServiceError: 409 unless it is in a state that can be changed.
        """
        kind = resource.kind
        if resource.following is not None or not resource.alive:
            raise conflict(f"{resource.id} is {resource.state} and cannot be changed now.", "IncorrectState")
        given = {name: value for name, value in (call.body or {}).items() if value is not None}
        if names and (strange := sorted(given.keys() - set(names))):
            raise invalid(f"{', '.join(strange)} of a {kind.name} cannot be changed in this region.")
        resource.fields |= given
        if kind.updating:
            resource.move(kind.updating, resource.state, self._due(kind))
        else:
            resource.touch()
        return resource

    def delete(self, resource: Resource) -> Resource:
        """Let it go: it is being deleted, then deleted."""
        kind = resource.kind
        if resource.alive:
            resource.move(kind.deleting, kind.deleted, self._due(kind))
        return resource

    def move(self, resource: Resource, through: str, to: str) -> Resource:
        """Take it through a state into another one, such as STOPPING, STOPPED."""
        resource.move(through, to, self._due(resource.kind))
        return resource

    # Answering

    def answer(self, resource: Resource, **headers: str) -> Response:
        return JSONResponse(resource.json(), headers={"etag": resource.etag, **headers})

    def listed(
        self, call: Call, kind: Kind, *ignored: str, among: Iterable[Resource] | None = None
    ) -> Response:
        """A list by the query: parameters are fields that must be equal, but those of paging and sorting.

        Raises:
            ServiceError: 501 for a parameter that is no field and is not ignored on purpose.
        """
        if compartment := call.query.get("compartmentId"):
            call.authorize(Verb.INSPECT, kind.family, compartment)
        return self.shown(call.query, kind, self.of(kind) if among is None else among, *ignored)

    def shown(
        self, query: Mapping[str, str], kind: Kind, found: Iterable[Resource], *ignored: str
    ) -> Response:
        """These resources by the query, as `listed` has it, with no question of who asks."""
        found = list(found)
        for name, value in query.items():
            if name in (*_OF_LISTS, *ignored):
                continue
            if name not in kind.model().attribute_map.values():
                raise not_implemented(f"The parameter {name} of the list of {kind.name}")
            found = [each for each in found if _equal(each.json()[name], value)]
        items, headers = paged(_sorted(found, query), query)
        return JSONResponse([each.json(kind.summary or kind.model) for each in items], headers=headers)

    def _due(self, kind: Kind) -> float:
        return self.clock.now() + self.durations.get(kind.name, 0.0)

    def look(self, resource: Resource) -> Resource:
        if resource.following is not None and resource.due <= self.clock.now():
            state, resource.following = resource.following, None
            resource.state = state
            resource.touch()
            if resource.settled and resource.state == resource.kind.ready:
                resource.settled()
        return resource

    def check_unused(self, resource: Resource, *besides: str) -> None:
        """Raises: ServiceError: 409 while a resource refers to it, but one of these OCIDs."""
        with self.lock:
            others = [self.look(each) for each in list(self._all.values())]
        for other in others:
            if other.state != other.kind.deleted and other.id not in (resource.id, *besides):
                named = [
                    name
                    for name, value in other.fields.items()
                    if name not in _FREE_FIELDS and _names(value, resource.id)
                ]
                if named:
                    raise conflict(f"{resource.id} is in use: {other.id} refers to it in {named[0]}.")


def conflict(message: str, code: str = "Conflict") -> ServiceError:
    """409: `Conflict` for what is in use or there already, `IncorrectState` for the wrong moment."""
    return ServiceError(409, code, message)


def _equal(value: object, asked: str) -> bool:
    if isinstance(value, bool):
        return str(value).lower() == asked.lower()
    return str(value) == asked


def _sorted(found: list[Resource], query: Mapping[str, str]) -> list[Resource]:
    by_name = query.get("sortBy", "TIMECREATED").upper() in ("DISPLAYNAME", "NAME")
    descending = query.get("sortOrder", "ASC" if by_name else "DESC").upper() == "DESC"
    if by_name:
        return sorted(found, key=lambda each: str(each["displayName"] or each["name"]), reverse=descending)
    return sorted(found, key=lambda each: each.number, reverse=descending)


def _names(value: object, resource_id: str) -> bool:
    if isinstance(value, dict):
        return any(_names(each, resource_id) for each in value.values())
    if isinstance(value, list):
        return any(_names(each, resource_id) for each in value)
    return value == resource_id
