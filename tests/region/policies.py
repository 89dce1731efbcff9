"""Who may do what: a plain table of grants, each in force from a moment that may lie in the future."""

import enum
import time
from dataclasses import dataclass, field


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


@dataclass
class Policies:
    """The grants of a region. A principal with none gets 404 for everything."""

    _grants: list[Grant] = field(default_factory=list)

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
        return any(
            grant.principal in (principal, "*")
            and grant.verb >= verb
            and grant.resource in (resource, "*")
            and grant.target in (target, "*")
            and grant.since <= time.monotonic()
            for grant in self._grants
        )
