"""Deletion as Vault and Certificates have it: for a day to come, and until then nothing can use it."""

from datetime import UTC, datetime, timedelta

from tests.region.errors import invalid
from tests.region.listing import stamp
from tests.region.resources import Resource, Resources
from tests.region.server import Call

_LATEST = timedelta(days=30)


def schedule(table: Resources, call: Call, resource: Resource, least: int) -> Resource:
    """Let it be deleted at the time that is asked for, in 30 days when none is.

    Raises:
        ServiceError: 400 for a time less than `least` days or more than 30 days away.
    """
    now = datetime.now(UTC)
    asked = (call.body or {}).get("timeOfDeletion")
    time = datetime.fromisoformat(asked) if asked else now + _LATEST
    # A client computes the time a moment before it is checked here.
    if not now + timedelta(days=least, minutes=-5) <= time <= now + _LATEST + timedelta(minutes=5):
        raise invalid(f"timeOfDeletion is {asked}: it must be {least} to {_LATEST.days} days from now.")
    resource.fields["timeOfDeletion"] = stamp(time)
    return table.delete(resource)
