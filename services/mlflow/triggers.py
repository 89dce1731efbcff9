"""Triggers on MySQL, which a managed server lets nobody make."""

import re
import sys

from sqlalchemy import Connection, text

_TRIGGER = re.compile(r"\s*CREATE TRIGGER( IF NOT EXISTS)? `?(?P<name>\w+)", re.IGNORECASE)


def are_possible(connection: Connection) -> bool:
    """Whether the server lets a user without SUPER make a trigger."""
    if connection.dialect.name != "mysql":
        return True
    return bool(
        connection.execute(text("SELECT NOT @@log_bin OR @@log_bin_trust_function_creators")).scalar()
    )


def left_out(statement: str) -> bool:
    """Whether the statement makes a trigger; it is told that this one cannot be made."""
    trigger = _TRIGGER.match(statement)
    if trigger:
        print(
            f"The trigger {trigger['name']} is left out: with its binary log on and "
            "log_bin_trust_function_creators off, this server lets nobody make one without SUPER. "
            "MLflow works without it: it guards against changes by hand.",
            file=sys.stderr,
        )
    return trigger is not None
