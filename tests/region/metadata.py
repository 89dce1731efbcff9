"""The instance metadata service, version 2: an instance is known by the address it asks from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.region.certificates import Issued

ADDRESS = "169.254.169.254"
_FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host")


@dataclass(frozen=True)
class Instance:
    """A launched machine; `metadata` is what its launch gave it (the contract of the images)."""

    id: str
    address: str
    compartment: str
    display_name: str
    certificate: Issued
    metadata: Mapping[str, str] = field(default_factory=dict)
    extended_metadata: Mapping[str, object] = field(default_factory=dict)
    shape: str = "VM.Standard.E4.Flex"
    image: str = ""


class MetadataService:
    """Answers each instance from its own record; version 1 is disabled, as the images ask for."""

    def __init__(self, region_info: Mapping[str, str], tenancy: str, intermediate: Issued) -> None:
        self._region_info = region_info
        self._tenancy = tenancy
        self._intermediate = intermediate
        self._instances: dict[str, Instance] = {}
        self.app = Starlette(
            routes=[
                Route("/opc/v2/instance{path:path}", self._instance),
                Route("/opc/v2/vnics{path:path}", self._vnics),
                Route("/opc/v2/identity/{name}", self._identity),
            ]
        )

    def add(self, instance: Instance) -> None:
        self._instances[instance.address] = instance

    def remove(self, instance: Instance) -> None:
        self._instances.pop(instance.address, None)

    def find(self, instance: str) -> Instance | None:
        """The instance of this OCID, if it is launched."""
        return next((each for each in self._instances.values() if each.id == instance), None)

    async def _instance(self, request: Request) -> Response:
        return self._answer(request, self._document)

    async def _vnics(self, request: Request) -> Response:
        return self._answer(request, lambda instance: [{"privateIp": instance.address, "vlanTag": 0}])

    async def _identity(self, request: Request) -> Response:
        def files(instance: Instance) -> dict[str, str]:
            return {
                "cert.pem": instance.certificate.pem.decode(),
                "key.pem": instance.certificate.key_pem.decode(),
                "intermediate.pem": self._intermediate.pem.decode(),
            }

        return self._answer(request, files, request.path_params["name"])

    def _answer(self, request: Request, document: Any, path: str | None = None) -> Response:
        instance = self._instances.get(request.client.host if request.client else "")
        if request.headers.get("authorization", "").lower() != "bearer oracle":
            return PlainTextResponse(
                "403 Forbidden: the header Authorization: Bearer Oracle is required", 403
            )
        if any(name in request.headers for name in _FORWARDING):
            return PlainTextResponse("403 Forbidden: forwarded requests are not answered", 403)
        if instance is None:
            return PlainTextResponse("404 Not Found", 404)
        value: object = document(instance)
        for step in (path if path is not None else request.path_params["path"]).strip("/").split("/"):
            if step:
                value = _step(value, step)
        if value is None:
            return PlainTextResponse("404 Not Found", 404)
        return PlainTextResponse(value) if isinstance(value, str) else JSONResponse(value)

    def _document(self, instance: Instance) -> dict[str, Any]:
        region = self._region_info["regionIdentifier"]
        domain = f"{region.upper()}-AD-1"
        return {
            "availabilityDomain": f"sim:{domain}",
            "ociAdName": f"{self._region_info['regionKey'].lower()}-ad-1",
            "faultDomain": "FAULT-DOMAIN-1",
            "compartmentId": instance.compartment,
            "displayName": instance.display_name,
            "hostname": instance.display_name,
            "id": instance.id,
            "image": instance.image,
            "metadata": dict(instance.metadata),
            "extendedMetadata": dict(instance.extended_metadata),
            "region": region,
            "canonicalRegionName": region,
            "regionInfo": dict(self._region_info),
            "shape": instance.shape,
            "state": "Running",
            "tenantId": self._tenancy,
        }


def _step(value: object, name: str) -> object:
    if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    found = value.get(name) if isinstance(value, dict) else None
    return json.dumps(found) if isinstance(found, (bool, int, float)) else found
