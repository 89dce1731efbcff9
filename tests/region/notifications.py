"""Notifications: topics, and subscriptions that wait for the confirmation in an e-mail."""

import re
import time
from collections.abc import Mapping

import oci.ons
from oci.ons import models

from tests.region.errors import invalid, not_implemented
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources, conflict
from tests.region.server import Call, Handler
from tests.region.standard import Standard

TOPIC = Kind(
    "onstopic",
    models.NotificationTopic,
    "ons-topics",
    models.NotificationTopicSummary,
    creating="CREATING",
    ready="ACTIVE",
    deleting="DELETING",
    deleted="DELETED",
)
SUBSCRIPTION = Kind(
    "onssubscription",
    models.Subscription,
    "ons-subscriptions",
    models.SubscriptionSummary,
    creating="PENDING",
    ready="PENDING",
    deleting="DELETED",
    deleted="DELETED",
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TAGS = ("freeformTags", "definedTags")


class Topics:
    """The topics of a region; their names are those of the whole tenancy."""

    client = oci.ons.NotificationControlPlaneClient

    def __init__(self, table: Resources, endpoint: str) -> None:
        self._table = table
        self._endpoint = endpoint

    @property
    def operations(self) -> Mapping[str, Handler]:
        return Standard(
            self._table,
            TOPIC,
            "Topic",
            create=self._create,
            changes=("description", *_TAGS),
            remove=self._remove,
            ignored=("id",),
        ).operations

    def _create(self, call: Call) -> Resource:
        name = call.body["name"]
        if not _NAME.fullmatch(name):
            raise invalid(f"The topic name {name!r} may hold letters, digits, '-' and '_' only.")
        if self._table.of(TOPIC, name=name):
            raise conflict(f"The topic {name} exists.")
        topic = self._table.create(call, TOPIC, apiEndpoint=self._endpoint)
        topic.fields["topicId"] = topic.id
        return topic

    def _remove(self, topic: Resource) -> None:
        for subscription in self._table.of(SUBSCRIPTION, topicId=topic.id):
            self._table.delete(subscription)


class Subscriptions:
    """The subscriptions to topics."""

    client = oci.ons.NotificationDataPlaneClient

    def __init__(self, table: Resources) -> None:
        self._table = table

    @property
    def operations(self) -> Mapping[str, Handler]:
        return Standard(
            self._table,
            SUBSCRIPTION,
            "Subscription",
            create=self._create,
            changes=_TAGS,
            remove=lambda _subscription: None,
        ).operations

    def confirm(self, subscription: Resource) -> None:
        """What the recipient of the e-mail does."""
        subscription.move("ACTIVE", None, 0.0)

    def _create(self, call: Call) -> Resource:
        body = call.body
        topic = self._table.refer(TOPIC, body["topicId"], "body.topicId")
        if body["protocol"] != "EMAIL":
            raise not_implemented(f"CreateSubscription with the protocol {body['protocol']}")
        if not _MAIL.fullmatch(body["endpoint"]):
            raise invalid(f"body.endpoint is {body['endpoint']!r}: EMAIL needs an e-mail address.")
        call.authorize(Verb.USE, TOPIC.family, topic.compartment)
        return self._table.create(call, SUBSCRIPTION, createdTime=int(time.time() * 1000))
