"""Monitoring: alarms, whose namespace and query are held to what the services publish."""

import re
from collections.abc import Mapping
from typing import Any

import oci.monitoring
from oci.monitoring import models

from tests.region.errors import invalid
from tests.region.notifications import TOPIC
from tests.region.resources import Kind, Resource, Resources
from tests.region.server import Call, Handler
from tests.region.standard import Standard

ALARM = Kind(
    "alarm",
    models.Alarm,
    "alarms",
    models.AlarmSummary,
    creating="ACTIVE",
    ready="ACTIVE",
    deleting="DELETING",
    deleted="DELETED",
    lingers=True,
)

NAMESPACES = (
    "oci_bastion",
    "oci_blockstore",
    "oci_compute",
    "oci_compute_infrastructure_health",
    "oci_computeagent",
    "oci_lbaas",
    "oci_mysql_database",
    "oci_nat_gateway",
    "oci_notification",
    "oci_objectstorage",
    "oci_service_gateway",
    "oci_vcn",
    "oci_vault",
)

_OWN_NAMESPACE = re.compile(r"[a-z][a-z0-9_]{0,255}")
_INTERVAL = r"(?:\d+[mhd])"
_QUERY = re.compile(
    r"\s*(?P<metric>[A-Za-z][\w.$-]*)\s*\[(?:auto|" + _INTERVAL + r")\]\s*"
    r"(?:\{[^{}]*\}\s*)?"
    r"(?:\.\s*(?:groupBy|grouping)\([^()]*\)\s*)?"
    r"\.\s*(?P<statistic>absent|avg|count|first|increment|last|max|mean|min|percentile|rate|sum)\([^()]*\)"
    r"(?P<condition>\s*(?:==|!=|>=|<=|>|<)\s*-?\d+(?:\.\d+)?|\s+(?:not\s+)?in\s*\([^()]*\))?\s*"
)
_PENDING = re.compile(r"PT(?:(?P<minutes>\d+)M|1H)")
_CHANGES = tuple(models.UpdateAlarmDetails().attribute_map.values())


class Monitoring:
    """The alarms of a region. They are kept and checked; none of them ever fires."""

    client = oci.monitoring.MonitoringClient

    def __init__(self, table: Resources) -> None:
        self._table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        return Standard(
            self._table,
            ALARM,
            "Alarm",
            create=self._create,
            changes=_CHANGES,
            check=lambda call, alarm: self._check({**alarm.fields, **call.body}),
            remove=lambda _alarm: None,
            ignored=("compartmentIdInSubtree",),
        ).operations

    def _create(self, call: Call) -> Resource:
        body = call.body
        self._check(body)
        defaults = {
            "pendingDuration": "PT1M",
            "resolution": "1m",
            "messageFormat": "RAW",
            "metricCompartmentIdInSubtree": False,
            "isNotificationsPerMetricDimensionEnabled": False,
        }
        given = {name: value for name, value in body.items() if value is not None}
        return self._table.create(call, ALARM, **{**defaults, **given})

    def _check(self, alarm: Mapping[str, Any]) -> None:
        namespace, query = alarm["namespace"], alarm["query"]
        if namespace not in NAMESPACES and (
            namespace.startswith("oci_") or not _OWN_NAMESPACE.fullmatch(namespace)
        ):
            raise invalid(f"body.namespace is {namespace!r}: no service publishes metrics there.")
        match = _QUERY.fullmatch(query)
        if match is None or not (match["condition"] or match["statistic"] == "absent"):
            raise invalid(f"body.query is {query!r}: expected metric[interval]{{...}}.statistic() > number.")
        pending = _PENDING.fullmatch(alarm.get("pendingDuration") or "PT1M")
        if pending is None or not 1 <= int(pending["minutes"] or 60) <= 60:
            raise invalid(f"body.pendingDuration is {alarm['pendingDuration']!r}: expected PT1M to PT1H.")
        for number, destination in enumerate(alarm["destinations"]):
            self._table.refer(TOPIC, destination, f"body.destinations[{number}]")
