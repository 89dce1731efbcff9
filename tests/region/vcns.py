"""VCNs with what is made with them, and subnets."""

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

from oci.core import models

from tests.region import addresses
from tests.region.errors import invalid
from tests.region.resources import Kind, Resource, Resources, conflict
from tests.region.server import Call, Handler
from tests.region.standard import Standard

VCN = Kind("vcn", models.Vcn, "vcns")
SUBNET = Kind("subnet", models.Subnet, "subnets")
ROUTE_TABLE = Kind("routetable", models.RouteTable, "route-tables")
SECURITY_LIST = Kind("securitylist", models.SecurityList, "security-lists")
DHCP_OPTIONS = Kind("dhcpoptions", models.DhcpOptions, "dhcp-options")

DEFAULTS: Mapping[str, Kind] = {
    "defaultRouteTableId": ROUTE_TABLE,
    "defaultSecurityListId": SECURITY_LIST,
    "defaultDhcpOptionsId": DHCP_OPTIONS,
}
NAMED = ("displayName", "freeformTags", "definedTags")
"""What every resource of the network takes in an update."""

_ANYWHERE = "0.0.0.0/0"


class Vcns:
    """The VCNs of a region and their subnets."""

    def __init__(self, table: Resources) -> None:
        self.table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        vcns = Standard(self.table, VCN, "Vcn", self.create_vcn, NAMED, remove=self.remove_vcn)
        changes = (*NAMED, "routeTableId", "securityListIds", "dhcpOptionsId")
        subnets = Standard(
            self.table, SUBNET, "Subnet", self.create_subnet, changes, self.check_subnet, self.remove_subnet
        )
        return {**vcns.operations, **subnets.operations}

    def create_vcn(self, call: Call) -> Resource:
        given = call.body.get("cidrBlocks") or [call.body.get("cidrBlock")]
        if given == [None]:
            raise invalid("body.cidrBlocks is required.", "MissingParameter")
        blocks = [str(block) for block in addresses.blocks(given, "body.cidrBlocks")]
        label = call.body.get("dnsLabel")
        addresses.check_label(label, "body.dnsLabel")
        vcn = self.table.create(
            call,
            VCN,
            cidrBlock=blocks[0],
            cidrBlocks=blocks,
            vcnDomainName=f"{label}.oraclevcn.com" if label else None,
        )
        for name, kind in DEFAULTS.items():
            vcn.fields[name] = self._default(vcn, kind, name).id
        return vcn

    def remove_vcn(self, vcn: Resource) -> None:
        defaults = [str(vcn[name]) for name in DEFAULTS]
        self.table.check_unused(vcn, *defaults)
        for name, kind in DEFAULTS.items():
            for each in self.table.of(kind, vcnId=vcn.id):
                if each.id == vcn[name]:
                    self.table.delete(each)

    def create_subnet(self, call: Call) -> Resource:
        body = call.body
        vcn = self.table.refer(VCN, body["vcnId"], "body.vcnId")
        given = body.get("cidrBlock") or next(iter(body.get("ipv4CidrBlocks") or []), None)
        if given is None:
            raise invalid("body.cidrBlock is required.", "MissingParameter")
        (block,) = addresses.blocks([given], "body.cidrBlock")
        if not any(block.subnet_of(IPv4Network(each)) for each in vcn["cidrBlocks"]):
            raise invalid(
                f"body.cidrBlock: the requested CIDR {block} is not within the VCN's {vcn['cidrBlocks']}."
            )
        siblings = self.table.of(SUBNET, vcnId=vcn.id)
        addresses.check_apart(block, (IPv4Network(each["cidrBlock"]) for each in siblings), "body.cidrBlock")
        label = self._label(body, vcn, siblings)
        return self.table.create(
            call,
            SUBNET,
            cidrBlock=str(block),
            ipv4CidrBlocks=[str(block)],
            subnetDomainName=f"{label}.{vcn['vcnDomainName']}" if label else None,
            virtualRouterIp=str(block[1]),
            virtualRouterMac="00:00:17:00:00:01",
            **self._privacy(body),
            **self._of_vcn(body, vcn),
        )

    def check_subnet(self, call: Call, subnet: Resource) -> None:
        vcn = self.table.refer(VCN, subnet["vcnId"], "vcnId")
        given = {**subnet.fields, **{key: value for key, value in call.body.items() if value is not None}}
        self._of_vcn(given, vcn)

    def remove_subnet(self, subnet: Resource) -> None:
        self.table.check_unused(subnet)

    def _default(self, vcn: Resource, kind: Kind, name: str) -> Resource:
        content: dict[str, Any] = {
            "defaultRouteTableId": {"routeRules": []},
            "defaultSecurityListId": _default_rules(vcn["cidrBlock"]),
            "defaultDhcpOptionsId": {"options": _DEFAULT_OPTIONS, "domainNameType": "CUSTOM_DOMAIN"},
        }[name]
        title = {"routetable": "Route Table", "securitylist": "Security List", "dhcpoptions": "DHCP Options"}
        display_name = f"Default {title[kind.name]} for {vcn['displayName']}"
        fields = {"compartmentId": vcn.compartment, "vcnId": vcn.id, "displayName": display_name, **content}
        return self.table.add(kind, fields, settled=True)

    def _label(self, body: Mapping[str, Any], vcn: Resource, siblings: list[Resource]) -> str | None:
        label = body.get("dnsLabel")
        addresses.check_label(label, "body.dnsLabel")
        if label is None:
            return None
        if vcn["dnsLabel"] is None:
            raise invalid("body.dnsLabel cannot be given: the VCN has none.")
        if any(each["dnsLabel"] == label for each in siblings):
            raise conflict(f"body.dnsLabel: {label} is in use in {vcn.id}.")
        return str(label)

    def _of_vcn(self, body: Mapping[str, Any], vcn: Resource) -> dict[str, Any]:
        """The subnet's route table and lists, each of its own VCN; the VCN's defaults where none is given."""
        table = body.get("routeTableId") or vcn["defaultRouteTableId"]
        lists = body.get("securityListIds")
        lists = [vcn["defaultSecurityListId"]] if lists is None else lists
        options = body.get("dhcpOptionsId") or vcn["defaultDhcpOptionsId"]
        given = [(ROUTE_TABLE, table, "routeTableId"), (DHCP_OPTIONS, options, "dhcpOptionsId")]
        given += [(SECURITY_LIST, each, "securityListIds") for each in lists]
        for kind, resource_id, name in given:
            if self.table.refer(kind, resource_id, f"body.{name}")["vcnId"] != vcn.id:
                raise invalid(f"body.{name}: {resource_id} is not of the VCN {vcn.id}.")
        if len(lists) > 5:
            raise invalid("body.securityListIds must be at most 5.")
        return {"routeTableId": table, "securityListIds": lists, "dhcpOptionsId": options}

    def _privacy(self, body: Mapping[str, Any]) -> dict[str, bool]:
        ingress, vnic = body.get("prohibitInternetIngress"), body.get("prohibitPublicIpOnVnic")
        if None not in (ingress, vnic) and ingress != vnic:
            raise invalid("body.prohibitInternetIngress and body.prohibitPublicIpOnVnic must be the same.")
        private = bool(ingress or vnic)
        return {"prohibitInternetIngress": private, "prohibitPublicIpOnVnic": private}


_DEFAULT_OPTIONS = [
    {"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet", "customDnsServers": []},
]


def _default_rules(vcn_block: str) -> dict[str, Any]:
    from_anywhere = {"source": _ANYWHERE, "sourceType": "CIDR_BLOCK", "isStateless": False}
    within = {"source": vcn_block, "sourceType": "CIDR_BLOCK", "isStateless": False}
    ssh = {"tcpOptions": {"destinationPortRange": {"min": 22, "max": 22}}}
    return {
        "ingressSecurityRules": [
            {**from_anywhere, "protocol": "6", **ssh},
            {**from_anywhere, "protocol": "1", "icmpOptions": {"type": 3, "code": 4}},
            {**within, "protocol": "1", "icmpOptions": {"type": 3}},
        ],
        "egressSecurityRules": [
            {
                "destination": _ANYWHERE,
                "destinationType": "CIDR_BLOCK",
                "protocol": "all",
                "isStateless": False,
            }
        ],
    }
