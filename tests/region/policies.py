"""Who may do what: grants of tests and statements of policies, in force from a moment that may lie ahead."""

import enum
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.region.statements import Condition, Statement


class Verb(enum.IntEnum):
    """OCI's verbs; each includes those before it."""

    INSPECT = 1
    READ = 2
    USE = 3
    MANAGE = 4


@dataclass(frozen=True)
class Grant:
    """`allow PRINCIPAL to VERB RESOURCE where target = TARGET`; `*` stands for any."""

    principal: str
    verb: Verb
    resource: str
    target: str
    since: float


_TARGETS: Mapping[str, str] = {
    "secret-bundles": "target.secret.id",
    "secrets": "target.secret.id",
    "buckets": "target.bucket.name",
    "objects": "target.bucket.name",
    "keys": "target.key.id",
    "vaults": "target.vault.id",
}
"""The variable that a request's target is in a condition."""


@dataclass(frozen=True)
class DynamicGroup:
    """A dynamic group, to which whoever fits its rule belongs."""

    id: str
    name: str
    rule: Condition


@dataclass
class Policies:
    """The grants of a region. A principal with none gets 404 for everything.

    `facts` tells what is known of a principal (`instance.id`, `instance.compartment.id`, tags), `lineage` the
    OCIDs and names of the compartments that a target lies in, from its own to the tenancy.
    """

    propagation: float = 0.0
    """Seconds until a new policy is heard of."""
    facts: Callable[[str], Mapping[str, str]] = lambda _: {}
    lineage: Callable[[str, str], Iterable[str]] = lambda _resource, _target: ("tenancy",)
    groups: dict[str, set[str]] = field(default_factory=dict)
    """The OCIDs of the users of each group, by its name."""
    dynamic_groups: dict[str, DynamicGroup] = field(default_factory=dict)
    _grants: list[Grant] = field(default_factory=list)
    _statements: dict[str, tuple[list[Statement], float]] = field(default_factory=dict)

    def enact(self, policy: str, statements: list[Statement]) -> None:
        """Let a policy have these statements from when it is heard of."""
        self._statements[policy] = (statements, time.monotonic() + self.propagation)

    def repeal(self, policy: str) -> None:
        self._statements.pop(policy, None)

    def allow(
        self, principal: str, verb: Verb, resource: str, target: str = "*", *, after: float = 0.0
    ) -> None:
        """Grant in `after` seconds: on OCI a new policy takes seconds to minutes to be heard of."""
        self._grants.append(Grant(principal, verb, resource, target, time.monotonic() + after))

    def withdraw(self, principal: str) -> None:
        """Take every grant of the principal away, at once."""
        self._grants = [grant for grant in self._grants if grant.principal != principal]

    def permit(self, principal: str, verb: Verb, resource: str, target: str) -> bool:
        """Whether a grant in force covers it. `resource` is a family such as objects or secret-bundles."""
        granted = any(
            grant.principal in (principal, "*")
            and grant.verb >= verb
            and grant.resource in (resource, "*")
            and grant.target in (target, "*")
            and grant.since <= time.monotonic()
            for grant in self._grants
        )
        return granted or self._stated(principal, verb, resource, target)

    def _stated(self, principal: str, verb: Verb, resource: str, target: str) -> bool:
        in_force = [each for each, since in self._statements.values() if since <= time.monotonic()]
        candidates = [
            statement
            for statements in in_force
            for statement in statements
            if Verb[statement.verb.upper()] >= verb and statement.covers(resource)
        ]
        if not candidates:
            return False
        known = self.facts(principal)
        # A request for several things of a kind at once names no target to a condition.
        facts = {
            "request.principal.id": principal,
            **known,
            _TARGETS.get(resource, "target.compartment.id"): target,
        }
        places = set(self.lineage(resource, target))
        return any(
            statement.location in places
            and any(self._is(principal, kind, name, known) for kind, name in statement.subjects)
            and statement.condition.holds(facts)
            for statement in candidates
        )

    def _is(self, principal: str, kind: str, name: str, known: Mapping[str, str]) -> bool:
        match kind:
            case "any-user":
                return True
            case "service":
                return principal == name
            case "group":
                return principal in self.groups.get(name, set())
            case _:
                return any(
                    name in (group.id, group.name) and group.rule.holds(known)
                    for group in self.dynamic_groups.values()
                )
