"""The operations that nearly every kind of resource has: create, get, update, delete and list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources
from tests.region.server import Call, Handler


@dataclass(frozen=True)
class Standard:
    """The standard operations of one kind, under the noun that its API uses.

    `create` makes one out of a call; `check` raises unless the body of an update holds for the resource;
    `remove` is what else happens on deletion and raises if it may not happen. An operation whose function is
    not given is not there; `changes` are the fields that an update takes.
    """

    table: Resources
    kind: Kind
    noun: str
    create: Callable[[Call], Resource] | None = None
    changes: Sequence[str] = ()
    check: Callable[[Call, Resource], None] | None = None
    remove: Callable[[Resource], None] | None = None
    plural: str | None = None
    ignored: Sequence[str] = ()

    @property
    def operations(self) -> Mapping[str, Handler]:
        found: dict[str, Handler] = {f"Get{self.noun}": self.get}
        if self.plural != "":
            found[f"List{self.plural or self.noun + 's'}"] = self.list
        if self.create:
            found[f"Create{self.noun}"] = self.make
        if self.changes:
            found[f"Update{self.noun}"] = self.update
        if self.remove:
            found[f"Delete{self.noun}"] = self.delete
        return found

    async def make(self, call: Call) -> Response:
        assert self.create
        repeated = self.table.repeated(call, self.kind)
        return self.table.answer(repeated or self.create(call))

    async def get(self, call: Call) -> Response:
        return self.table.answer(self._find(call, Verb.READ))

    async def update(self, call: Call) -> Response:
        resource = self._find(call, Verb.MANAGE)
        if self.check:
            self.check(call, resource)
        return self.table.answer(self.table.update(call, resource, *self.changes))

    async def delete(self, call: Call) -> Response:
        resource = self._find(call, Verb.MANAGE)
        assert self.remove
        self.remove(resource)
        self.table.delete(resource)
        return Response(status_code=204)

    async def list(self, call: Call) -> Response:
        return self.table.listed(call, self.kind, *self.ignored)

    def _find(self, call: Call, verb: Verb) -> Resource:
        (resource_id,) = call.path.values()
        return self.table.find(call, self.kind, resource_id, verb)
