from typing import Any

import pytest
from oci.monitoring import MonitoringClient
from oci.monitoring.models import CreateAlarmDetails, UpdateAlarmDetails
from oci.ons import NotificationControlPlaneClient, NotificationDataPlaneClient
from oci.ons.models import CreateSubscriptionDetails, CreateTopicDetails, TopicAttributesDetails

from tests.region.notifications import SUBSCRIPTION
from tests.region.region import Region
from tests.region.test_vault import Connect, refusal

QUERY = 'CpuUtilization[5m]{resourceDisplayName = "mlflow"}.mean() > 90'


@pytest.fixture(scope="module")
def topics(connect: Connect) -> Any:
    return connect(NotificationControlPlaneClient)


@pytest.fixture(scope="module")
def subscriptions(connect: Connect) -> Any:
    return connect(NotificationDataPlaneClient)


@pytest.fixture(scope="module")
def alarms(connect: Connect) -> Any:
    return connect(MonitoringClient)


def a_topic(topics: Any, region: Region, name: str) -> Any:
    made = topics.create_topic(CreateTopicDetails(name=name, compartment_id=region.compartment)).data
    return topics.get_topic(made.topic_id).data


@pytest.fixture(scope="module")
def topic(topics: Any, region: Region) -> Any:
    return a_topic(topics, region, "alarms")


def subscribe(subscriptions: Any, region: Region, topic: Any, endpoint: str) -> Any:
    asked = CreateSubscriptionDetails(
        topic_id=topic.topic_id, compartment_id=region.compartment, protocol="EMAIL", endpoint=endpoint
    )
    return subscriptions.create_subscription(asked).data


def alarm(alarms: Any, region: Region, topic: Any, **details: Any) -> Any:
    asked = {
        "display_name": "busy",
        "compartment_id": region.compartment,
        "metric_compartment_id": region.compartment,
        "namespace": "oci_computeagent",
        "query": QUERY,
        "severity": "CRITICAL",
        "destinations": [topic.topic_id],
        "is_enabled": True,
    } | details
    return alarms.create_alarm(CreateAlarmDetails(**asked)).data


def test_a_topic_has_a_name_of_its_own(topics: Any, region: Region) -> None:
    made = a_topic(topics, region, "once")
    assert made.lifecycle_state == "ACTIVE"
    assert refusal(lambda: a_topic(topics, region, "once"))[0] == 409
    assert refusal(lambda: a_topic(topics, region, "no spaces"))[0] == 400
    topics.update_topic(made.topic_id, TopicAttributesDetails(description="changed"))
    assert topics.list_topics(region.compartment, name="once").data[0].description == "changed"
    topics.delete_topic(made.topic_id)
    assert refusal(lambda: topics.get_topic(made.topic_id))[0] == 404
    assert a_topic(topics, region, "once")


def test_a_subscription_waits_for_its_confirmation(
    topics: Any, subscriptions: Any, region: Region, topic: Any
) -> None:
    made = subscribe(subscriptions, region, topic, "someone@example.org")
    assert subscriptions.get_subscription(made.id).data.lifecycle_state == "PENDING"
    region.data.subscriptions.confirm(region.resources.refer(SUBSCRIPTION, made.id, "id"))
    assert subscriptions.get_subscription(made.id).data.lifecycle_state == "ACTIVE"
    assert refusal(lambda: subscribe(subscriptions, region, topic, "nobody"))[0] == 400
    other = a_topic(topics, region, "other")
    of_the_other = subscribe(subscriptions, region, other, "someone@example.org")
    topics.delete_topic(other.topic_id)
    assert refusal(lambda: subscriptions.get_subscription(of_the_other.id))[0] == 404


def test_an_alarm_watches_a_metric(alarms: Any, region: Region, topic: Any) -> None:
    made = alarm(alarms, region, topic)
    assert (made.lifecycle_state, made.pending_duration, made.resolution) == ("ACTIVE", "PT1M", "1m")
    alarms.update_alarm(made.id, UpdateAlarmDetails(is_enabled=False, pending_duration="PT5M"))
    assert alarms.get_alarm(made.id).data.pending_duration == "PT5M"
    assert [each.id for each in alarms.list_alarms(region.compartment, display_name="busy").data] == [made.id]
    alarms.delete_alarm(made.id)
    assert alarms.get_alarm(made.id).data.lifecycle_state == "DELETED"


@pytest.mark.parametrize(
    ("details", "status"),
    [
        ({"namespace": "oci_mlops"}, 400),
        ({"namespace": "Mine"}, 400),
        ({"query": "CpuUtilization > 90"}, 400),
        ({"query": "CpuUtilization[5m].mean()"}, 400),
        ({"pending_duration": "PT2H"}, 400),
        ({"destinations": ["ocid1.onstopic.oc99.sim-1.none"]}, 404),
        ({"destinations": ["someone@example.org"]}, 400),
    ],
)
def test_an_alarm_that_could_never_fire_is_refused(
    alarms: Any, region: Region, topic: Any, details: dict[str, Any], status: int
) -> None:
    assert refusal(lambda: alarm(alarms, region, topic, **details))[0] == status


@pytest.mark.parametrize(
    ("namespace", "query"),
    [
        ("oci_lbaas", "UnHealthyBackendServers[1m].max() >= 1"),
        ("oci_mysql_database", "StorageUsed[5m].groupBy(resourceId).mean() > 80.5"),
        ("oci_compute_infrastructure_health", "instance_status[1m].absent()"),
        ("of_our_own", "failed_runs[1h]{dag = 'iris'}.sum() != 0"),
    ],
)
def test_queries_of_every_form_are_taken(
    alarms: Any, region: Region, topic: Any, namespace: str, query: str
) -> None:
    assert alarm(alarms, region, topic, namespace=namespace, query=query).query == query
