"""The language of policies: statements, their conditions, and the matching rules of dynamic groups."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.region.errors import invalid

VERBS = ("inspect", "read", "use", "manage")

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "object-family": ("objectstorage-namespaces", "buckets", "objects"),
    "secret-family": ("secrets", "secret-versions", "secret-bundles"),
    "key-family": ("vaults", "keys", "key-delegate"),
    "instance-family": (
        "instances",
        "instance-images",
        "instance-console-connection",
        "volume-attachments",
        "vnic-attachments",
        "console-histories",
        "app-catalog-listing",
        "compute-capacity-reports",
    ),
    "volume-family": ("volumes", "volume-attachments", "volume-backups", "boot-volume-backups"),
    "virtual-network-family": (
        "vcns",
        "subnets",
        "route-tables",
        "network-security-groups",
        "security-lists",
        "dhcp-options",
        "private-ips",
        "public-ips",
        "internet-gateways",
        "nat-gateways",
        "service-gateways",
        "vnics",
        "vnic-attachments",
    ),
    "mysql-family": ("mysql-instances", "mysql-backups", "mysql-configurations", "mysql-channels"),
    "certificate-authority-family": ("certificate-authorities", "certificate-authority-bundle"),
    "leaf-certificate-family": ("leaf-certificates", "leaf-certificate-bundle", "leaf-certificate-versions"),
    "bastion-family": ("bastion", "bastion-session"),
    "ons-family": ("ons-topics", "ons-subscriptions"),
    "orm-family": ("orm-stacks", "orm-jobs"),
}
_SINGLE = (
    "all-resources",
    "load-balancers",
    "alarms",
    "metrics",
    "compartments",
    "tenancies",
    "policies",
    "dynamic-groups",
    "compute-image-capability-schema",
    "work-requests",
    "tag-namespaces",
    "log-groups",
    "log-content",
)
RESOURCES = {*FAMILIES, *_SINGLE, *(each for members in FAMILIES.values() for each in members)}

_SUBJECT = r"any-user|(?:dynamic-group|group|service)\s+(?:id\s+)?\S+(?:\s*,\s*(?:id\s+)?\S+)*"
_STATEMENT = re.compile(
    rf"allow\s+(?P<subject>{_SUBJECT})\s+to\s+(?P<verb>\w+)\s+(?P<resource>[\w-]+)\s+in\s+"
    r"(?P<location>tenancy|compartment\s+(?:id\s+)?\S+)(?:\s+where\s+(?P<where>.+))?",
    re.IGNORECASE | re.DOTALL,
)
_TEST = re.compile(r"(?P<name>[\w.@-]+)\s*(?P<operator>!?=)\s*(?:'(?P<text>[^']*)'|/(?P<pattern>[^/]*)/)")
_GROUPED = re.compile(r"(?P<kind>all|any)\s*\{(?P<inside>.*)\}", re.IGNORECASE | re.DOTALL)
_VARIABLE = re.compile(
    r"target\.(secret\.(id|name)|bucket\.name|object\.name|key\.id|vault\.id|compartment\.(id|name))"
    r"|request\.(principal\.(id|type|compartment\.id)|operation|permission|region)"
)
_ATTRIBUTE = re.compile(
    r"instance\.(id|compartment\.id)|tag\.[\w-]+\.[\w-]+\.value|resource\.(type|id|compartment\.id)"
)


@dataclass(frozen=True)
class Condition:
    """`all` or `any` of tests and further conditions; with nothing in it, `all` holds."""

    kind: str
    parts: tuple["Condition | Test", ...] = ()

    def holds(self, facts: Mapping[str, str]) -> bool:
        results = (part.holds(facts) for part in self.parts)
        return all(results) if self.kind == "all" else any(results)


@dataclass(frozen=True)
class Test:
    """One comparison; a variable that a request does not have makes it false, as on OCI."""

    name: str
    negated: bool
    pattern: re.Pattern[str]

    def holds(self, facts: Mapping[str, str]) -> bool:
        value = facts.get(self.name)
        return value is not None and (self.pattern.fullmatch(value) is not None) != self.negated


@dataclass(frozen=True)
class Statement:
    """`allow SUBJECT to VERB RESOURCE in LOCATION where CONDITION`; subjects are (kind, name or OCID)."""

    text: str
    subjects: tuple[tuple[str, str], ...]
    verb: str
    resource: str
    location: str
    condition: Condition

    def covers(self, resource: str) -> bool:
        return self.resource in ("all-resources", resource) or resource in FAMILIES.get(self.resource, ())


def statement(text: str) -> Statement:
    """Raises: ServiceError: 400 with what of the statement cannot be parsed."""
    match = _STATEMENT.fullmatch(text.strip())
    if match is None:
        raise _unparsable(text, "it is not 'allow SUBJECT to VERB RESOURCE in LOCATION [where CONDITION]'")
    verb, resource = match["verb"].lower(), match["resource"].lower()
    if verb not in VERBS:
        raise _unparsable(text, f"{match['verb']!r} is none of the verbs {', '.join(VERBS)}")
    if resource not in RESOURCES:
        raise _unparsable(text, f"{match['resource']!r} is no resource type that this region knows")
    location = re.sub(r"^compartment\s+(id\s+)?", "", match["location"], flags=re.IGNORECASE)
    condition = _condition(match["where"], text, _VARIABLE) if match["where"] else Condition("all")
    return Statement(text, _subjects(match["subject"]), verb, resource, location, condition)


def rule(text: str) -> Condition:
    """A dynamic group's matching rule.

    Raises:
        ServiceError: 400 with what of it cannot be parsed.
    """
    return _condition(text, text, _ATTRIBUTE)


def _subjects(text: str) -> tuple[tuple[str, str], ...]:
    if text.lower() == "any-user":
        return (("any-user", ""),)
    kind, _, names = text.partition(" ")
    found = [re.sub(r"^id\s+", "", each.strip(), flags=re.IGNORECASE) for each in names.split(",")]
    # Names may carry the identity domain they are of: 'Default'/'name'.
    return tuple((kind.lower(), each.rpartition("/")[2].strip("'\"")) for each in found)


def _condition(text: str, whole: str, variables: re.Pattern[str]) -> Condition:
    text = text.strip()
    if grouped := _GROUPED.fullmatch(text):
        parts = _split(grouped["inside"])
        return Condition(grouped["kind"].lower(), tuple(_part(each, whole, variables) for each in parts))
    return Condition("all", (_part(text, whole, variables),))


def _part(text: str, whole: str, variables: re.Pattern[str]) -> Condition | Test:
    if _GROUPED.fullmatch(text.strip()):
        return _condition(text, whole, variables)
    match = _TEST.fullmatch(text.strip())
    if match is None:
        raise _unparsable(whole, f"{text.strip()!r} is not VARIABLE = 'VALUE'")
    if not variables.fullmatch(match["name"]):
        raise _unparsable(whole, f"{match['name']!r} is no variable that this region knows")
    # A value between slashes is a pattern in which * stands for anything; neither cares for upper case.
    literal = match["text"] if match["text"] is not None else match["pattern"]
    escaped = re.escape(literal)
    pattern = escaped if match["text"] is not None else escaped.replace(r"\*", ".*")
    return Test(match["name"], match["operator"] == "!=", re.compile(pattern, re.IGNORECASE))


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _unparsable(text: str, why: str) -> Exception:
    return invalid(f"The statement {text!r} cannot be parsed: {why}.")
