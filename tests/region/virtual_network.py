"""Virtual network: VCNs, subnets, gateways, rules and VNICs under the SDK's one client for them."""

from collections.abc import Mapping

import oci.core

from tests.region.gateways import Gateways
from tests.region.resources import Resources
from tests.region.security import NSG, Security
from tests.region.server import Handler
from tests.region.vcns import SUBNET, VCN, Vcns
from tests.region.vnics import Vnics

__all__ = ["NSG", "SUBNET", "VCN", "VirtualNetwork"]


class VirtualNetwork:
    """The networks of a region."""

    client = oci.core.VirtualNetworkClient

    def __init__(self, table: Resources, region_key: str) -> None:
        self.vcns = Vcns(table)
        self.gateways = Gateways(table, region_key)
        self.security = Security(table, self.gateways.services)
        self.vnics = Vnics(table)

    @property
    def operations(self) -> Mapping[str, Handler]:
        parts = (self.vcns, self.gateways, self.security, self.vnics)
        return {name: handler for part in parts for name, handler in part.operations.items()}
