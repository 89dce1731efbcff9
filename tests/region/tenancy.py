"""Identity's own service: the tenancy, its regions and compartments, dynamic groups and policies."""

from collections.abc import Mapping
from typing import Any

import oci.identity
from oci.identity import models
from starlette.responses import JSONResponse, Response

from tests.region import statements
from tests.region.errors import invalid, not_found
from tests.region.listing import paged
from tests.region.places import FAULT_DOMAINS, Places
from tests.region.policies import DynamicGroup, Policies, Verb
from tests.region.resources import Kind, Resource, Resources, conflict
from tests.region.server import Call, Handler
from tests.region.standard import Standard
from tests.region.statements import Statement


def _kind(name: str, model: type, family: str) -> Kind:
    return Kind(name, model, family, creating="ACTIVE", ready="ACTIVE", deleting="DELETED", deleted="DELETED")


COMPARTMENT = _kind("compartment", models.Compartment, "compartments")
DYNAMIC_GROUP = _kind("dynamicgroup", models.DynamicGroup, "dynamic-groups")
POLICY = _kind("policy", models.Policy, "policies")

_MOST_STATEMENTS = 50


class Tenancy:
    """One tenancy whose home is this region."""

    client = oci.identity.IdentityClient

    def __init__(
        self,
        table: Resources,
        policies: Policies,
        places: Places,
        tenancy: str,
        compartment: Mapping[str, str],
    ) -> None:
        self.table = table
        self.policies = policies
        self.places = places
        self.id = tenancy
        self.add_compartment(compartment["id"], compartment["name"], tenancy)

    @property
    def operations(self) -> Mapping[str, Handler]:
        compartments = Standard(self.table, COMPARTMENT, "Compartment", plural="")
        groups = Standard(
            self.table,
            DYNAMIC_GROUP,
            "DynamicGroup",
            self.create_dynamic_group,
            ("matchingRule", "description", "freeformTags", "definedTags"),
            self.check_dynamic_group,
            self.remove_dynamic_group,
        )
        policies = Standard(
            self.table,
            POLICY,
            "Policy",
            self.create_policy,
            ("statements", "description", "versionDate", "freeformTags", "definedTags"),
            self.check_policy,
            self.remove_policy,
            plural="Policies",
        )
        return {
            **compartments.operations,
            **groups.operations,
            **policies.operations,
            "GetCompartment": self.get_compartment,
            "GetTenancy": self.get_tenancy,
            "ListCompartments": self.list_compartments,
            "ListRegions": self.list_regions,
            "ListRegionSubscriptions": self.list_region_subscriptions,
            "ListAvailabilityDomains": self.list_availability_domains,
            "ListFaultDomains": self.list_fault_domains,
        }

    def add_compartment(self, compartment_id: str, name: str, parent: str) -> Resource:
        """A compartment that is there already, under an OCID of its own."""
        fields = {"compartmentId": parent, "name": name, "description": name, "isAccessible": True}
        return self.table.add(COMPARTMENT, fields, settled=True, resource_id=compartment_id)

    def lineage(self, compartment: str) -> list[str]:
        """The OCIDs and names of a compartment and of those above it, up to the tenancy."""
        found: list[str] = []
        known = {each.id: each for each in self.table.of(COMPARTMENT)}
        while compartment in known:
            found += [compartment, known[compartment]["name"]]
            compartment = known[compartment].compartment
        return [*found, self.id, "tenancy"]

    async def get_tenancy(self, call: Call) -> Response:
        if call.path["tenancyId"] != self.id:
            raise not_found()
        call.authorize(Verb.INSPECT, "tenancies", self.id)
        fields = {"id": self.id, "name": "simtenancy", "description": "simtenancy"}
        more = {"homeRegionKey": self.places.region_key.upper(), "freeformTags": {}, "definedTags": {}}
        return JSONResponse(fields | more)

    async def get_compartment(self, call: Call) -> Response:
        if call.path["compartmentId"] == self.id:
            call.authorize(Verb.INSPECT, "compartments", self.id)
            root = {"id": self.id, "name": "simtenancy", "lifecycleState": "ACTIVE", "freeformTags": {}}
            return JSONResponse(root)
        return self.table.answer(self.table.find(call, COMPARTMENT, call.path["compartmentId"]))

    async def list_compartments(self, call: Call) -> Response:
        call.authorize(Verb.INSPECT, "compartments", call.query["compartmentId"])
        query = dict(call.query)
        found = self.table.of(COMPARTMENT)
        if query.get("compartmentIdInSubtree", "false") == "true":
            del query["compartmentId"]
        return self.table.shown(query, COMPARTMENT, found, "compartmentIdInSubtree", "accessLevel")

    async def list_regions(self, _call: Call) -> Response:
        return JSONResponse([{"key": self.places.region_key.upper(), "name": self.places.region}])

    async def list_region_subscriptions(self, call: Call) -> Response:
        if call.path["tenancyId"] != self.id:
            raise not_found()
        named = {"regionKey": self.places.region_key.upper(), "regionName": self.places.region}
        return JSONResponse([{**named, "status": "READY", "isHomeRegion": True}])

    async def list_availability_domains(self, call: Call) -> Response:
        compartment = self._listed_in(call)
        domains = [
            {
                "name": name,
                "id": f"ocid1.availabilitydomain.oc99..{name.lower()[4:]}",
                "compartmentId": compartment,
            }
            for name in self.places.availability_domains
        ]
        return JSONResponse(domains)

    async def list_fault_domains(self, call: Call) -> Response:
        compartment, domain = self._listed_in(call), call.query["availabilityDomain"]
        self.places.check(domain, "availabilityDomain")
        shared = {"compartmentId": compartment, "availabilityDomain": domain}
        number = domain[-1]
        domains = [
            {**shared, "name": name, "id": f"ocid1.faultdomain.oc99..{number}{name[-1]}"}
            for name in FAULT_DOMAINS
        ]
        items, headers = paged(domains, call.query)
        return JSONResponse(items, headers=headers)

    def create_dynamic_group(self, call: Call) -> Resource:
        body = call.body
        if body["compartmentId"] != self.id:
            raise invalid(f"body.compartmentId of a dynamic group must be the tenancy {self.id}.")
        rule = statements.rule(body["matchingRule"])
        self._check_name(DYNAMIC_GROUP, body)
        group = self.table.create(call, DYNAMIC_GROUP)
        self.policies.dynamic_groups[group.id] = DynamicGroup(group.id, body["name"], rule)
        return group

    def check_dynamic_group(self, call: Call, group: Resource) -> None:
        if given := call.body.get("matchingRule"):
            rule = statements.rule(given)
            self.policies.dynamic_groups[group.id] = DynamicGroup(group.id, group["name"], rule)

    def remove_dynamic_group(self, group: Resource) -> None:
        self.policies.dynamic_groups.pop(group.id, None)

    def create_policy(self, call: Call) -> Resource:
        body = call.body
        parsed = self._statements(body["statements"], body["compartmentId"])
        self._check_name(POLICY, body)
        policy = self.table.create(call, POLICY)
        self.policies.enact(policy.id, parsed)
        return policy

    def check_policy(self, call: Call, policy: Resource) -> None:
        if given := call.body.get("statements"):
            self.policies.enact(policy.id, self._statements(given, policy.compartment))

    def remove_policy(self, policy: Resource) -> None:
        self.policies.repeal(policy.id)

    def _listed_in(self, call: Call) -> str:
        compartment = call.query["compartmentId"]
        call.authorize(Verb.INSPECT, "compartments", compartment)
        if compartment != self.id and compartment not in self.lineage(compartment):
            raise not_found()
        return compartment

    def _check_name(self, kind: Kind, body: Mapping[str, Any]) -> None:
        if any(each["name"].lower() == body["name"].lower() for each in self.table.of(kind)):
            raise conflict(f"There is a {kind.name} of the name {body['name']} already.", "NameAlreadyExists")

    def _statements(self, texts: list[str], compartment: str) -> list[Statement]:
        if not 1 <= len(texts) <= _MOST_STATEMENTS:
            raise invalid(f"body.statements must be 1 to {_MOST_STATEMENTS} statements.")
        parsed = [statements.statement(text) for text in texts]
        for each in parsed:
            self._check_location(each, compartment)
            self._check_subjects(each)
        return parsed

    def _check_location(self, statement: Statement, attached_to: str) -> None:
        """A policy reaches the compartment that it is attached to and those below."""
        if statement.location == "tenancy":
            if attached_to != self.id:
                raise invalid(
                    f"The statement {statement.text!r} reaches the tenancy: attach its policy to that."
                )
            return
        above = [self.lineage(each.id) for each in self.table.of(COMPARTMENT)]
        if not any(statement.location in lineage[:2] and attached_to in lineage for lineage in above):
            raise invalid(
                f"The statement {statement.text!r} is for the compartment {statement.location}, which does "
                f"not exist or is not part of the policy's compartment {attached_to}."
            )

    def _check_subjects(self, statement: Statement) -> None:
        groups = [name for group in self.policies.dynamic_groups.values() for name in (group.id, group.name)]
        for kind, name in statement.subjects:
            known = {"dynamic-group": groups, "group": self.policies.groups}.get(kind)
            if known is not None and name not in known:
                raise invalid(
                    f"The statement {statement.text!r} is for the {kind} {name}, which does not exist."
                )
