"""Identity, network, compute and what stands before it, wired to each other and to the rest of the region."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from tests.region.bastions import Bastions
from tests.region.certificates import Issued
from tests.region.compute import Compute
from tests.region.errors import ServiceError
from tests.region.load_balancer import LoadBalancers
from tests.region.metadata import Instance, MetadataService
from tests.region.object_storage import ObjectStorage
from tests.region.places import Places
from tests.region.policies import Policies, Verb
from tests.region.resources import Resource, Resources
from tests.region.server import Call, Service
from tests.region.tenancy import Tenancy
from tests.region.virtual_network import VirtualNetwork
from tests.region.volumes import Volumes
from tests.region.work_requests import WorkRequests


class Infrastructure:
    """What of a region is made of resources; `compute.instances.machines` boots machines, if any."""

    def __init__(
        self,
        table: Resources,
        policies: Policies,
        metadata: MetadataService,
        object_storage: ObjectStorage,
        region_key: str,
        tenancy: str,
        compartment: str,
        issue: Callable[[str, str], Issued],
    ) -> None:
        self.table = table
        self.places = Places(table.region, region_key)
        self.tenancy = Tenancy(
            table, policies, self.places, tenancy, {"id": compartment, "name": "simulated"}
        )
        self.network = VirtualNetwork(table, region_key)
        self.volumes = Volumes(table)
        self.compute = Compute(table, self.places, self.network.vnics, self.volumes)
        self.load_balancers = LoadBalancers(table, self.network.vnics)
        self.bastions = Bastions(table)
        self.work_requests = WorkRequests(table)
        self._metadata = metadata
        self._object_storage = object_storage
        self._compartment = compartment
        self._issue = issue
        self._known: dict[str, Instance] = {}
        self.compute.instances.seen = self._see
        self.compute.images.read = self._read
        policies.facts = self._facts
        policies.lineage = self._lineage

    @property
    def services(self) -> Iterable[Service]:
        return (
            self.tenancy,
            self.network,
            self.compute,
            self.volumes,
            self.load_balancers,
            self.bastions,
            self.work_requests,
        )

    def _see(self, instance: Resource, address: str) -> None:
        """Let the metadata service know an instance as it is now, or no longer."""
        known = self._known.pop(instance.id, None)
        if not address:
            if known:
                self._metadata.remove(known)
            return
        certificate = known.certificate if known else self._issue(instance.id, instance.compartment)
        shown = Instance(
            instance.id,
            address,
            instance.compartment,
            instance["displayName"],
            certificate,
            instance["metadata"],
            instance["extendedMetadata"],
            instance["shape"],
            instance["imageId"],
        )
        self._known[instance.id] = replace(known, **vars(shown)) if known else shown
        self._metadata.add(shown)

    def _read(self, call: Call, namespace: str, bucket_name: str, name: str) -> Path | None:
        """The file of an object that an image is imported from, for whoever may read it."""
        bucket = self._object_storage.store.buckets.get(bucket_name)
        version = bucket.current(name) if bucket and namespace == self._object_storage.namespace else None
        permitted = call.policies.permit(call.principal.id, Verb.READ, "objects", bucket_name)
        if version is None or version.content is None or not permitted:
            where = f"/n/{namespace}/b/{bucket_name}/o/{name}"
            raise ServiceError(
                404, "NotAuthorizedOrNotFound", f"body.imageSourceDetails: {where} was not found."
            )
        return version.content.file

    def _facts(self, principal: str) -> Mapping[str, str]:
        known = self._metadata.find(principal)
        if known is None:
            return self._facts_of_resource(principal) or {"request.principal.type": "user"}
        tags = {
            f"tag.{space}.{key}.value": str(value)
            for instance in self.table.by_id(principal)
            for space, pairs in (instance["definedTags"] or {}).items()
            for key, value in pairs.items()
        }
        return {
            "request.principal.type": "instance",
            "instance.id": principal,
            "instance.compartment.id": known.compartment,
            **tags,
        }

    def _facts_of_resource(self, principal: str) -> Mapping[str, str]:
        """Of a resource that acts by itself, such as a certificate authority that uses its key."""
        return {
            name: value
            for resource in self.table.by_id(principal)
            for name, value in {
                "request.principal.type": resource.kind.name,
                "resource.type": resource.kind.name,
                "resource.id": resource.id,
                "resource.compartment.id": resource.compartment,
            }.items()
        }

    def _lineage(self, resource: str, target: str) -> Iterable[str]:
        compartment = target
        if (
            bucket := self._object_storage.store.buckets.get(target)
            if resource in ("buckets", "objects")
            else None
        ):
            compartment = bucket.compartment
        for found in self.table.by_id(target):
            compartment = found.id if found.kind.name == "compartment" else found.compartment
        if not compartment.startswith(("ocid1.compartment.", "ocid1.tenancy.")):
            compartment = self._compartment
        return self.tenancy.lineage(compartment)
