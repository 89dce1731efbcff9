"""A VCN's ways out: gateways, the route tables that lead to them, and Oracle's services behind one."""

from collections.abc import Mapping
from typing import Any

from oci.core import models
from starlette.responses import JSONResponse, Response

from tests.region import addresses
from tests.region.errors import invalid, not_found
from tests.region.resources import Kind, Resource, Resources, conflict
from tests.region.server import Call, Handler
from tests.region.standard import Standard
from tests.region.vcns import NAMED, ROUTE_TABLE, VCN

INTERNET_GATEWAY = Kind("internetgateway", models.InternetGateway, "internet-gateways")
NAT_GATEWAY = Kind("natgateway", models.NatGateway, "nat-gateways")
SERVICE_GATEWAY = Kind("servicegateway", models.ServiceGateway, "service-gateways")

_TARGETS = {kind.name: kind for kind in (INTERNET_GATEWAY, NAT_GATEWAY, SERVICE_GATEWAY)}


class Gateways:
    """The gateways and the route tables of a region."""

    def __init__(self, table: Resources, region_key: str) -> None:
        self.table = table
        key = region_key.lower()
        self.services: list[dict[str, Any]] = [
            {
                "id": table.ocid("service"),
                "cidrBlock": f"oci-{key}-objectstorage",
                "name": f"OCI {region_key.upper()} Object Storage",
            },
            {
                "id": table.ocid("service"),
                "cidrBlock": f"all-{key}-services-in-oracle-services-network",
                "name": f"All {region_key.upper()} Services In Oracle Services Network",
            },
        ]
        for service in self.services:
            service["description"] = service["name"]

    @property
    def operations(self) -> Mapping[str, Handler]:
        table, unused = self.table, self.table.check_unused
        kinds = (
            Standard(
                table,
                INTERNET_GATEWAY,
                "InternetGateway",
                self.create_internet_gateway,
                (*NAMED, "isEnabled"),
                remove=unused,
            ),
            Standard(
                table,
                NAT_GATEWAY,
                "NatGateway",
                self.create_nat_gateway,
                (*NAMED, "blockTraffic"),
                remove=unused,
            ),
            Standard(
                table,
                SERVICE_GATEWAY,
                "ServiceGateway",
                self.create_service_gateway,
                (*NAMED, "blockTraffic", "services"),
                self.check_service_gateway,
                unused,
            ),
            Standard(
                table,
                ROUTE_TABLE,
                "RouteTable",
                self.create_route_table,
                (*NAMED, "routeRules"),
                self.check_route_table,
                self.remove_route_table,
            ),
        )
        handlers = {"ListServices": self.list_services, "GetService": self.get_service}
        return {**handlers, **{name: each for kind in kinds for name, each in kind.operations.items()}}

    async def list_services(self, _call: Call) -> Response:
        return JSONResponse(self.services)

    async def get_service(self, call: Call) -> Response:
        return JSONResponse(self._service(call.path["serviceId"]))

    def create_internet_gateway(self, call: Call) -> Resource:
        self._only_one(call, INTERNET_GATEWAY)
        return self.table.create(call, INTERNET_GATEWAY)

    def create_nat_gateway(self, call: Call) -> Resource:
        self.table.refer(VCN, call.body["vcnId"], "body.vcnId")
        number = len(self.table.of(NAT_GATEWAY))
        given = {"blockTraffic": bool(call.body.get("blockTraffic")), "natIp": f"198.51.100.{10 + number}"}
        return self.table.create(call, NAT_GATEWAY, **given, publicIpId=self.table.ocid("publicip"))

    def create_service_gateway(self, call: Call) -> Resource:
        self._only_one(call, SERVICE_GATEWAY)
        self._expand_services(call)
        return self.table.create(call, SERVICE_GATEWAY, blockTraffic=bool(call.body.get("blockTraffic")))

    def check_service_gateway(self, call: Call, _gateway: Resource) -> None:
        if call.body.get("services") is not None:
            self._expand_services(call)

    def create_route_table(self, call: Call) -> Resource:
        self.table.refer(VCN, call.body["vcnId"], "body.vcnId")
        call.body.setdefault("routeRules", [])
        self._check_rules(call.body["routeRules"], call.body["vcnId"])
        return self.table.create(call, ROUTE_TABLE)

    def check_route_table(self, call: Call, route_table: Resource) -> None:
        self._check_rules(call.body.get("routeRules") or [], route_table["vcnId"])

    def remove_route_table(self, route_table: Resource) -> None:
        # A VCN's default route table goes with the VCN: the reference makes this a conflict.
        self.table.check_unused(route_table)

    def _only_one(self, call: Call, kind: Kind) -> None:
        vcn = self.table.refer(VCN, call.body["vcnId"], "body.vcnId")
        if self.table.of(kind, vcnId=vcn.id):
            raise conflict(f"{vcn.id} has a {kind.name} already, and can have one only.", "LimitExceeded")

    def _service(self, service_id: object) -> dict[str, Any]:
        for service in self.services:
            if service["id"] == service_id:
                return service
        raise not_found()

    def _expand_services(self, call: Call) -> None:
        services = [self._service(each["serviceId"]) for each in call.body["services"]]
        if len(services) != 1:
            raise invalid(
                "body.services must be one service: each of them covers the other's addresses or is one."
            )
        call.body["services"] = [{"serviceId": each["id"], "serviceName": each["name"]} for each in services]

    def _check_rules(self, rules: list[dict[str, Any]], vcn: str) -> None:
        seen = set()
        for index, rule in enumerate(rules):
            where = f"body.routeRules[{index}]"
            destination = rule.get("destination") or rule.get("cidrBlock")
            if destination in seen:
                raise invalid(f"{where}.destination: {destination} is the destination of another rule.")
            seen.add(destination)
            target = self._target(rule["networkEntityId"], f"{where}.networkEntityId")
            if target["vcnId"] != vcn:
                raise invalid(f"{where}.networkEntityId: {target.id} is not of the VCN {vcn}.")
            self._check_destination(destination, rule.get("destinationType") or "CIDR_BLOCK", target, where)
            rule.update({"destination": destination, "routeType": "STATIC"})
            rule.setdefault("destinationType", "CIDR_BLOCK")

    def _target(self, resource_id: object, where: str) -> Resource:
        word = str(resource_id).partition(".")[2].partition(".")[0]
        if word not in _TARGETS:
            raise invalid(f"{where} must be the OCID of a gateway, not {resource_id!r}.")
        return self.table.refer(_TARGETS[word], resource_id, where)

    def _check_destination(self, destination: object, kind: str, target: Resource, where: str) -> None:
        if kind == "CIDR_BLOCK":
            addresses.network(destination, f"{where}.destination")
            if target.kind is SERVICE_GATEWAY:
                raise invalid(
                    f"{where}: a service gateway takes a destinationType of SERVICE_CIDR_BLOCK only."
                )
            return
        enabled = {self._service(each["serviceId"])["cidrBlock"] for each in target["services"] or []}
        if destination not in enabled:
            raise invalid(
                f"{where}.destination: {destination} is no service that {target.id} is enabled for."
            )
