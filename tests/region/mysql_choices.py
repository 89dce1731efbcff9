"""What MySQL as a service offers: shapes, versions, and a default configuration for each shape."""

from collections.abc import Mapping

import oci.mysql
from oci.mysql import models
from starlette.responses import JSONResponse, Response

from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources
from tests.region.server import Call, Handler

CONFIGURATION = Kind(
    "mysqlconfiguration",
    models.Configuration,
    "mysql-configurations",
    models.ConfigurationSummary,
    ready="ACTIVE",
    deleting="DELETED",
    deleted="DELETED",
)

SHAPES: Mapping[str, tuple[int, int]] = {
    "MySQL.Free": (1, 8),
    "MySQL.2": (2, 16),
    "MySQL.4": (4, 32),
    "MySQL.8": (8, 64),
    "MySQL.16": (16, 128),
    "MySQL.32": (32, 256),
    "MySQL.48": (48, 384),
    "MySQL.64": (64, 512),
    "MySQL.256": (256, 1024),
}
"""ECPUs and memory in GB, by name; the older shapes by OCPU are not offered here."""

VERSIONS: Mapping[str, tuple[str, ...]] = {
    "8.4": ("8.4.4", "8.4.5", "8.4.6", "8.4.7"),
    "9": ("9.4.0", "9.4.1", "9.5.0"),
}


def configuration(table: Resources, shape: str) -> Resource:
    """The default configuration of a shape, made when it is first asked for."""
    found = table.of(CONFIGURATION, shapeName=shape)
    if found:
        return found[0]
    fields = {
        "displayName": f"{shape}.Standalone",
        "shapeName": shape,
        "type": "DEFAULT",
        "compartmentId": "",
    }
    return table.add(CONFIGURATION, fields, settled=True)


class Choices:
    """Shapes, versions and configurations."""

    client = oci.mysql.MysqlaasClient

    def __init__(self, table: Resources) -> None:
        self._table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "ListShapes": self.list_shapes,
            "ListVersions": self.list_versions,
            "ListConfigurations": self.list_configurations,
            "GetConfiguration": self.get_configuration,
        }

    async def list_shapes(self, call: Call) -> Response:
        call.authorize(Verb.INSPECT, "mysql-instances", call.query["compartmentId"])
        name = call.query.get("name")
        shapes = [
            {
                "name": shape,
                "cpuCoreCount": cores,
                "memorySizeInGBs": memory,
                "isSupportedFor": ["DBSYSTEM"],
            }
            for shape, (cores, memory) in SHAPES.items()
            if name in (None, shape)
        ]
        return JSONResponse(shapes)

    async def list_versions(self, call: Call) -> Response:
        call.authorize(Verb.INSPECT, "mysql-instances", call.query["compartmentId"])
        families = [
            {
                "versionFamily": family,
                "versions": [{"version": each, "description": each} for each in versions],
            }
            for family, versions in VERSIONS.items()
        ]
        return JSONResponse(families)

    async def list_configurations(self, call: Call) -> Response:
        for shape in SHAPES:
            configuration(self._table, shape)
        return self._table.listed(call, CONFIGURATION, "type", "compartmentId")

    async def get_configuration(self, call: Call) -> Response:
        # A default configuration is nobody's: whoever may look at one compartment sees it.
        found = self._table.find(call, CONFIGURATION, call.path["configurationId"])
        return self._table.answer(found)
