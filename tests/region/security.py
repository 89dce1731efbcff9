"""Security lists and network security groups with their rules."""

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from oci.core import models
from starlette.responses import JSONResponse, Response

from tests.region import addresses
from tests.region.errors import invalid, not_found
from tests.region.listing import paged, stamp
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources
from tests.region.server import Call, Handler
from tests.region.standard import Standard
from tests.region.vcns import DHCP_OPTIONS, NAMED, SECURITY_LIST, VCN

NSG = Kind("networksecuritygroup", models.NetworkSecurityGroup, "network-security-groups")

_MOST_RULES = 120
_NUMBERED = {"tcpOptions": "6", "udpOptions": "17", "icmpOptions": "1"}
_END = {"INGRESS": "source", "EGRESS": "destination"}


class Security:
    """What is let through, by subnet (lists) and by role (groups)."""

    def __init__(self, table: Resources, services: list[dict[str, Any]]) -> None:
        self.table = table
        self._services = services
        self._rules: dict[str, dict[str, dict[str, Any]]] = {}
        self._numbers = itertools.count(1)

    @property
    def operations(self) -> Mapping[str, Handler]:
        rules = ("ingressSecurityRules", "egressSecurityRules")
        unused = self.table.check_unused
        lists = Standard(
            self.table,
            SECURITY_LIST,
            "SecurityList",
            self.create_list,
            (*NAMED, *rules),
            self.check_list,
            unused,
        )
        options = Standard(
            self.table,
            DHCP_OPTIONS,
            "DhcpOptions",
            self.create_options,
            (*NAMED, "options"),
            remove=unused,
            plural="DhcpOptions",
        )
        groups = Standard(
            self.table,
            NSG,
            "NetworkSecurityGroup",
            self.create_group,
            NAMED,
            remove=self.remove_group,
            ignored=("vlanId",),
        )
        return {
            **lists.operations,
            **options.operations,
            **groups.operations,
            "AddNetworkSecurityGroupSecurityRules": self.add_rules,
            "UpdateNetworkSecurityGroupSecurityRules": self.update_rules,
            "RemoveNetworkSecurityGroupSecurityRules": self.remove_rules,
            "ListNetworkSecurityGroupSecurityRules": self.list_rules,
        }

    def create_list(self, call: Call) -> Resource:
        self.table.refer(VCN, call.body["vcnId"], "body.vcnId")
        self._check_both(call.body)
        return self.table.create(call, SECURITY_LIST)

    def check_list(self, call: Call, _list: Resource) -> None:
        self._check_both(call.body)

    def create_options(self, call: Call) -> Resource:
        self.table.refer(VCN, call.body["vcnId"], "body.vcnId")
        return self.table.create(call, DHCP_OPTIONS)

    def create_group(self, call: Call) -> Resource:
        self.table.refer(VCN, call.body["vcnId"], "body.vcnId")
        return self.table.create(call, NSG)

    def remove_group(self, group: Resource) -> None:
        self.table.check_unused(group)
        for rules in self._rules.values():
            for rule in rules.values():
                if group.id in (rule.get("source"), rule.get("destination")):
                    rule["isValid"] = False
        self._rules.pop(group.id, None)

    async def add_rules(self, call: Call) -> Response:
        group = self._group(call, Verb.MANAGE)
        given = [self._checked(rule, group, n) for n, rule in enumerate(call.body.get("securityRules") or [])]
        rules = self._rules.setdefault(group.id, {})
        if len(rules) + len(given) > _MOST_RULES:
            raise invalid(f"{group.id} can have {_MOST_RULES} rules at most.", "LimitExceeded")
        for rule in given:
            rule |= {
                "id": f"{next(self._numbers):06X}",
                "isValid": True,
                "timeCreated": stamp(datetime.now(UTC)),
            }
            rules[rule["id"]] = rule
        return JSONResponse({"securityRules": given})

    async def update_rules(self, call: Call) -> Response:
        group = self._group(call, Verb.MANAGE)
        rules = self._rules.get(group.id, {})
        given = [self._checked(rule, group, n) for n, rule in enumerate(call.body.get("securityRules") or [])]
        if any(rule["id"] not in rules for rule in given):
            raise not_found()
        for rule in given:
            kept = {name: rules[rule["id"]][name] for name in ("isValid", "timeCreated")}
            rules[rule["id"]] = rule | kept
        return JSONResponse({"securityRules": [rules[rule["id"]] for rule in given]})

    async def remove_rules(self, call: Call) -> Response:
        group = self._group(call, Verb.MANAGE)
        rules, ids = self._rules.get(group.id, {}), call.body.get("securityRuleIds") or []
        if any(each not in rules for each in ids):
            raise not_found()
        for each in ids:
            del rules[each]
        return Response(status_code=204)

    async def list_rules(self, call: Call) -> Response:
        group = self._group(call, Verb.READ)
        direction = call.query.get("direction")
        rules = [
            rule for rule in self._rules.get(group.id, {}).values() if direction in (None, rule["direction"])
        ]
        items, headers = paged(rules, call.query)
        return JSONResponse(items, headers=headers)

    def _group(self, call: Call, verb: Verb) -> Resource:
        return self.table.find(call, NSG, call.path["networkSecurityGroupId"], verb)

    def _check_both(self, body: Mapping[str, Any]) -> None:
        for name, direction in (("ingressSecurityRules", "INGRESS"), ("egressSecurityRules", "EGRESS")):
            for index, rule in enumerate(body.get(name) or []):
                end = _END[direction]
                self._check_end(
                    rule.get(end), rule.get(f"{end}Type") or "CIDR_BLOCK", f"body.{name}[{index}]", None
                )
                _check_protocol(rule, f"body.{name}[{index}]")
                rule.setdefault(f"{end}Type", "CIDR_BLOCK")
                rule.setdefault("isStateless", False)

    def _checked(self, rule: dict[str, Any], group: Resource, index: int) -> dict[str, Any]:
        where = f"body.securityRules[{index}]"
        end = _END[rule["direction"]]
        other = _END["EGRESS" if rule["direction"] == "INGRESS" else "INGRESS"]
        if rule.get(end) is None:
            raise invalid(f"{where}.{end} is required for {rule['direction']}.", "MissingParameter")
        if rule.get(other) is not None:
            raise invalid(f"{where}.{other} is not for {rule['direction']}.")
        self._check_end(rule[end], rule.get(f"{end}Type") or "CIDR_BLOCK", where, group["vcnId"])
        _check_protocol(rule, where)
        return {"isStateless": False, f"{end}Type": "CIDR_BLOCK"} | rule

    def _check_end(self, value: object, kind: str, where: str, vcn: str | None) -> None:
        match kind:
            case "CIDR_BLOCK":
                addresses.network(value, where)
            case "SERVICE_CIDR_BLOCK":
                known = [service["cidrBlock"] for service in self._services]
                if value not in known:
                    raise invalid(
                        f"{where}: {value!r} is no service of this region; there are {', '.join(known)}."
                    )
            case _:
                if self.table.refer(NSG, value, where)["vcnId"] != vcn:
                    raise invalid(f"{where}: {value} is not of the VCN {vcn}.")


def _check_protocol(rule: Mapping[str, Any], where: str) -> None:
    protocol = rule["protocol"]
    if protocol != "all" and not (protocol.isdecimal() and int(protocol) <= 255):
        raise invalid(f"{where}.protocol must be all or a number such as 6, not {protocol!r}.")
    for name, number in _NUMBERED.items():
        if rule.get(name) is not None and protocol != number:
            raise invalid(f"{where}.{name} is for protocol {number} only, not {protocol}.")
        for ports in (rule.get(name) or {}).values() if name != "icmpOptions" else ():
            if ports is not None and not 1 <= ports["min"] <= ports["max"] <= 65535:
                raise invalid(f"{where}.{name}: {ports['min']} to {ports['max']} is no range of ports.")
