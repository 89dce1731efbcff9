"""Load balancers: flexible ones, with backend sets, backends, listeners and their work requests."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any

import oci.load_balancer
from oci.load_balancer import models
from starlette.responses import JSONResponse, Response

from tests.region import addresses
from tests.region.errors import ServiceError, invalid, not_found
from tests.region.policies import Verb
from tests.region.proxies import Backend, Listener, NoProxy, Proxy
from tests.region.resources import Kind, Resource, Resources, conflict
from tests.region.server import Call, Handler
from tests.region.standard import Standard
from tests.region.vcns import NAMED, SUBNET
from tests.region.vnics import Vnics

LOAD_BALANCER = Kind(
    "loadbalancer",
    models.LoadBalancer,
    "load-balancers",
    creating="CREATING",
    ready="ACTIVE",
    deleting="DELETING",
    deleted="DELETED",
)
WORK_REQUEST = Kind(
    "loadbalancerworkrequest", models.WorkRequest, "load-balancers", creating="IN_PROGRESS", ready="SUCCEEDED"
)

_POLICIES = ("ROUND_ROBIN", "LEAST_CONNECTIONS", "IP_HASH")
_PROTOCOLS = ("HTTP", "HTTP2", "TCP", "GRPC")
_IDLE_SECONDS = {"TCP": 300}
_CHANGES = (*NAMED, "isDeleteProtectionEnabled", "isRequestIdEnabled", "requestIdHeader")
_CIPHERS = "oci-default-ssl-cipher-suite-v1"


class LoadBalancers:
    """The load balancers of a region; `proxy` may be replaced by one that really listens."""

    client = oci.load_balancer.LoadBalancerClient

    def __init__(self, table: Resources, vnics: Vnics) -> None:
        self.table = table
        self.proxy: Proxy = NoProxy()
        self._vnics = vnics

    @property
    def operations(self) -> Mapping[str, Handler]:
        balancers = Standard(self.table, LOAD_BALANCER, "LoadBalancer", ignored=("detail",))
        return {
            **balancers.operations,
            "CreateLoadBalancer": self.create,
            "UpdateLoadBalancer": self.update,
            "UpdateLoadBalancerShape": self.update_shape,
            "UpdateNetworkSecurityGroups": self.update_groups,
            "DeleteLoadBalancer": self.delete,
            "CreateBackendSet": self.create_set,
            "GetBackendSet": self.get_set,
            "ListBackendSets": self.list_sets,
            "UpdateBackendSet": self.update_set,
            "DeleteBackendSet": self.delete_set,
            "GetBackendSetHealth": self.get_set_health,
            "CreateBackend": self.create_backend,
            "GetBackend": self.get_backend,
            "ListBackends": self.list_backends,
            "UpdateBackend": self.update_backend,
            "DeleteBackend": self.delete_backend,
            "CreateListener": self.create_listener,
            "UpdateListener": self.update_listener,
            "DeleteListener": self.delete_listener,
            "GetWorkRequest": self.get_work_request,
        }

    async def create(self, call: Call) -> Response:
        balancer = self.table.repeated(call, LOAD_BALANCER) or self._made(call)
        return self._accepted(balancer, "CreateLoadBalancer")

    async def update(self, call: Call) -> Response:
        balancer = self._find(call, Verb.MANAGE)
        self.table.update(call, balancer, *_CHANGES)
        return self._accepted(balancer, "UpdateLoadBalancer")

    async def update_shape(self, call: Call) -> Response:
        balancer = self._find(call, Verb.MANAGE)
        _check_shape(call.body)
        balancer.fields |= {name: call.body[name] for name in ("shapeName", "shapeDetails")}
        return self._accepted(balancer, "UpdateLoadBalancerShape")

    async def update_groups(self, call: Call) -> Response:
        balancer = self._find(call, Verb.MANAGE)
        groups = call.body.get("networkSecurityGroupIds") or []
        subnet = self.table.refer(SUBNET, balancer["subnetIds"][0], "subnetIds")
        self._vnics.check_groups(groups, subnet, "body.networkSecurityGroupIds")
        balancer.fields["networkSecurityGroupIds"] = groups
        return self._accepted(balancer, "UpdateNetworkSecurityGroups")

    async def delete(self, call: Call) -> Response:
        balancer = self._find(call, Verb.MANAGE)
        if balancer["isDeleteProtectionEnabled"]:
            raise conflict(f"{balancer.id} is protected against deletion.", "IncorrectState")
        self.proxy.remove(balancer.id)
        self.table.delete(balancer)
        for private in self.table.of(addresses.PRIVATE_IP, vnicId=balancer.id):
            self.table.delete(private)
        return self._accepted(balancer, "DeleteLoadBalancer")

    async def create_set(self, call: Call) -> Response:
        balancer, sets = self._sets(call, Verb.MANAGE)
        name = call.body["name"]
        if name in sets:
            raise conflict(f"There is a backend set {name} in {balancer.id} already.", "InvalidParameter")
        sets[name] = self._backend_set(call.body, name)
        return self._changed(balancer, "CreateBackendSet")

    async def get_set(self, call: Call) -> Response:
        return JSONResponse(self._set(call, Verb.READ)[1])

    async def list_sets(self, call: Call) -> Response:
        return JSONResponse(list(self._sets(call, Verb.READ)[1].values()))

    async def update_set(self, call: Call) -> Response:
        balancer, found = self._set(call, Verb.MANAGE)
        found |= self._backend_set(call.body, found["name"])
        return self._changed(balancer, "UpdateBackendSet")

    async def delete_set(self, call: Call) -> Response:
        balancer, found = self._set(call, Verb.MANAGE)
        for listener in balancer["listeners"].values():
            if listener["defaultBackendSetName"] == found["name"]:
                message = f"The backend set {found['name']} is in use by the listener {listener['name']}."
                raise conflict(message, "InvalidParameter")
        del balancer["backendSets"][found["name"]]
        return self._changed(balancer, "DeleteBackendSet")

    async def get_set_health(self, call: Call) -> Response:
        _, found = self._set(call, Verb.READ)
        names = [each["name"] for each in found["backends"]]
        states = {
            "warningStateBackendNames": [],
            "criticalStateBackendNames": [],
            "unknownStateBackendNames": names,
        }
        return JSONResponse({"status": "UNKNOWN", "totalBackendCount": len(names), **states})

    async def create_backend(self, call: Call) -> Response:
        balancer, found = self._set(call, Verb.MANAGE)
        backend = _backend(call.body)
        if any(each["name"] == backend["name"] for each in found["backends"]):
            raise conflict(
                f"There is a backend {backend['name']} in {found['name']} already.", "InvalidParameter"
            )
        found["backends"].append(backend)
        return self._changed(balancer, "CreateBackend")

    async def get_backend(self, call: Call) -> Response:
        return JSONResponse(self._backend(call, Verb.READ)[2])

    async def list_backends(self, call: Call) -> Response:
        return JSONResponse(self._set(call, Verb.READ)[1]["backends"])

    async def update_backend(self, call: Call) -> Response:
        balancer, _, backend = self._backend(call, Verb.MANAGE)
        backend |= {name: value for name, value in call.body.items() if value is not None}
        return self._changed(balancer, "UpdateBackend")

    async def delete_backend(self, call: Call) -> Response:
        balancer, found, backend = self._backend(call, Verb.MANAGE)
        found["backends"].remove(backend)
        return self._changed(balancer, "DeleteBackend")

    async def create_listener(self, call: Call) -> Response:
        balancer = self._find(call, Verb.MANAGE)
        name = call.body["name"]
        if name in balancer["listeners"]:
            raise conflict(f"There is a listener {name} in {balancer.id} already.", "InvalidParameter")
        balancer["listeners"][name] = self._listener(call.body, balancer, name)
        return self._changed(balancer, "CreateListener")

    async def update_listener(self, call: Call) -> Response:
        balancer, name = self._find(call, Verb.MANAGE), call.path["listenerName"]
        if name not in balancer["listeners"]:
            raise not_found()
        balancer["listeners"][name] = self._listener(call.body, balancer, name)
        return self._changed(balancer, "UpdateListener")

    async def delete_listener(self, call: Call) -> Response:
        balancer, name = self._find(call, Verb.MANAGE), call.path["listenerName"]
        if name not in balancer["listeners"]:
            raise not_found()
        del balancer["listeners"][name]
        return self._changed(balancer, "DeleteListener")

    async def get_work_request(self, call: Call) -> Response:
        work = self.table.find(call, WORK_REQUEST, call.path["workRequestId"])
        return self.table.answer(work)

    def _made(self, call: Call) -> Resource:
        body = call.body
        _check_shape(body)
        subnets = [self.table.refer(SUBNET, each, "body.subnetIds") for each in body["subnetIds"]]
        if len(subnets) != 1:
            raise invalid("body.subnetIds must be one regional subnet.")
        (subnet,) = subnets
        private = bool(body.get("isPrivate"))
        if not private and subnet["prohibitPublicIpOnVnic"]:
            raise invalid(
                f"body.subnetIds: {subnet.id} is private; a public load balancer needs a public subnet."
            )
        self._vnics.check_groups(
            body.get("networkSecurityGroupIds") or [], subnet, "body.networkSecurityGroupIds"
        )
        sets, listeners = body.pop("backendSets", None) or {}, body.pop("listeners", None) or {}
        balancer = self.table.create(
            call,
            LOAD_BALANCER,
            isPrivate=private,
            isDeleteProtectionEnabled=bool(body.get("isDeleteProtectionEnabled")),
            isRequestIdEnabled=bool(body.get("isRequestIdEnabled")),
            networkSecurityGroupIds=body.get("networkSecurityGroupIds") or [],
            backendSets={},
            listeners={},
            certificates={},
            hostnames={},
            sslCipherSuites={},
            pathRouteSets={},
            ruleSets={},
            routingPolicies={},
        )
        try:
            for name, each in sets.items():
                balancer["backendSets"][name] = self._backend_set(each, name)
            for name, each in listeners.items():
                balancer["listeners"][name] = self._listener(each, balancer, name)
            taken = addresses.take(self.table, subnet, balancer.id)
        except ServiceError:
            self.table.withdraw(balancer)
            raise
        shown = taken["ipAddress"] if private else f"203.0.113.{taken.number % 250 + 1}"
        balancer.fields["ipAddresses"] = [{"ipAddress": shown, "isPublic": not private}]
        self._apply(balancer)
        return balancer

    def _find(self, call: Call, verb: Verb) -> Resource:
        balancer = self.table.find(call, LOAD_BALANCER, call.path["loadBalancerId"], verb)
        if verb > Verb.READ and balancer.state != LOAD_BALANCER.ready:
            raise conflict(f"{balancer.id} is {balancer.state}.", "IncorrectState")
        return balancer

    def _sets(self, call: Call, verb: Verb) -> tuple[Resource, dict[str, Any]]:
        balancer = self._find(call, verb)
        return balancer, balancer["backendSets"]

    def _set(self, call: Call, verb: Verb) -> tuple[Resource, dict[str, Any]]:
        balancer, sets = self._sets(call, verb)
        if call.path["backendSetName"] not in sets:
            raise not_found()
        return balancer, sets[call.path["backendSetName"]]

    def _backend(self, call: Call, verb: Verb) -> tuple[Resource, dict[str, Any], dict[str, Any]]:
        balancer, found = self._set(call, verb)
        for backend in found["backends"]:
            if backend["name"] == call.path["backendName"]:
                return balancer, found, backend
        raise not_found()

    def _backend_set(self, body: Mapping[str, Any], name: str) -> dict[str, Any]:
        if body["policy"] not in _POLICIES:
            raise invalid(f"body.policy must be one of {', '.join(_POLICIES)}, not {body['policy']!r}.")
        checker = {
            "port": 0,
            "returnCode": 200,
            "retries": 3,
            "timeoutInMillis": 3000,
            "intervalInMillis": 10000,
            "isForcePlainText": False,
            **_given(body["healthChecker"]),
        }
        return {
            **_given(body),
            "name": name,
            "backends": [_backend(each) for each in body.get("backends") or []],
            "healthChecker": checker,
            "sslConfiguration": self._ssl(body.get("sslConfiguration"), "body.sslConfiguration"),
        }

    def _listener(self, body: Mapping[str, Any], balancer: Resource, name: str) -> dict[str, Any]:
        if body["protocol"] not in _PROTOCOLS:
            raise invalid(f"body.protocol must be one of {', '.join(_PROTOCOLS)}, not {body['protocol']!r}.")
        if body["defaultBackendSetName"] not in balancer["backendSets"]:
            raise invalid(
                f"body.defaultBackendSetName: {balancer.id} has no {body['defaultBackendSetName']}."
            )
        if not 1 <= body["port"] <= 65535:
            raise invalid(f"body.port must be from 1 to 65535, not {body['port']}.")
        for other in balancer["listeners"].values():
            if other["port"] == body["port"] and other["name"] != name:
                raise invalid(f"body.port: the listener {other['name']} listens on {body['port']} already.")
        idle = _IDLE_SECONDS.get(body["protocol"], 60)
        return {
            **_given(body),
            "name": name,
            "sslConfiguration": self._ssl(body.get("sslConfiguration"), "body.sslConfiguration"),
            "connectionConfiguration": {
                "idleTimeout": idle,
                **_given(body.get("connectionConfiguration") or {}),
            },
            "hostnameNames": body.get("hostnameNames") or [],
            "ruleSetNames": body.get("ruleSetNames") or [],
        }

    def _ssl(self, given: Mapping[str, Any] | None, where: str) -> dict[str, Any] | None:
        if given is None:
            return None
        ids = given.get("certificateIds") or []
        for certificate in ids:
            if not any(
                each.kind.name == "certificate" and each.alive for each in self.table.by_id(certificate)
            ):
                raise ServiceError(
                    404, "NotAuthorizedOrNotFound", f"{where}.certificateIds: {certificate} was not found."
                )
        if given.get("certificateName"):
            raise invalid(f"{where}.certificateName: this region knows certificates by OCID only.")
        defaults = {
            "cipherSuiteName": _CIPHERS,
            "protocols": ["TLSv1.2"],
            "serverOrderPreference": "DISABLED",
            "hasSessionResumption": False,
            "verifyDepth": 1,
            "verifyPeerCertificate": False,
        }
        return {**defaults, **_given(given), "certificateIds": ids}

    def _changed(self, balancer: Resource, operation: str) -> Response:
        self._apply(balancer)
        return self._accepted(balancer, operation)

    def _apply(self, balancer: Resource) -> None:
        """Let the proxy be as the load balancer is."""
        listeners = []
        for listener in balancer["listeners"].values():
            backends = balancer["backendSets"][listener["defaultBackendSetName"]]["backends"]
            in_use = [each for each in backends if not each["offline"] and not each["drain"]]
            ids = (listener["sslConfiguration"] or {}).get("certificateIds") or [None]
            listeners.append(
                Listener(
                    listener["port"],
                    listener["protocol"],
                    ids[0],
                    tuple(Backend(each["ipAddress"], each["port"]) for each in in_use),
                    float(listener["connectionConfiguration"]["idleTimeout"]),
                )
            )
        self.proxy.apply(balancer.id, balancer["ipAddresses"][0]["ipAddress"], listeners)

    def _accepted(self, balancer: Resource, operation: str) -> Response:
        fields = {"compartmentId": balancer.compartment, "loadBalancerId": balancer.id, "type": operation}
        work = self.table.add(WORK_REQUEST, {**fields, "message": "", "errorDetails": []})
        work.due = max(work.due, balancer.due if balancer.following else 0.0)
        work.fields["timeAccepted"] = work["timeCreated"]
        work.settled = lambda: work.fields.update(timeFinished=work["timeUpdated"])
        return Response(status_code=204, headers={"opc-work-request-id": work.id})


def _check_shape(body: Mapping[str, Any]) -> None:
    if body["shapeName"] != "flexible":
        raise invalid(f"body.shapeName must be flexible, not {body['shapeName']!r}.")
    details = body.get("shapeDetails")
    if not details:
        raise invalid("body.shapeDetails is required for the flexible shape.", "MissingParameter")
    low, high = details["minimumBandwidthInMbps"], details["maximumBandwidthInMbps"]
    if not 10 <= low <= high <= 8000:
        raise invalid(f"body.shapeDetails: {low} to {high} Mbps is not within 10 to 8000.")


def _backend(body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        IPv4Address(body["ipAddress"])
    except ValueError:
        raise invalid(f"body.ipAddress must be an IPv4 address, not {body['ipAddress']!r}.") from None
    defaults = {"weight": 1, "backup": False, "drain": False, "offline": False}
    return {**defaults, **_given(body), "name": f"{body['ipAddress']}:{body['port']}"}


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}
