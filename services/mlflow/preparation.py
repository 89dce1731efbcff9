"""What must be there before the server starts: schemas, the admin and the services' users.

MLflow itself is loaded only to migrate: that takes longer than all the rest.
"""

import sys

from services.final_schema import FinalSchema, load, locked, revision_of
from services.mlflow import databases, final_schema, triggers, users
from services.mlflow.settings import TrackingServerSettings

_REMEDY = "restore it from a backup, or move it away and prepare a new one; see that its disk has space"


def prepare(settings: TrackingServerSettings) -> None:
    """Create or migrate both databases and make the users follow the settings.

    Safe to run again at any time, also after a crash at any point of an earlier run.
    Exits with a sentence when a database cannot be used, or is newer than this MLflow.
    """
    users_uri = settings.auth_database_uri.get_secret_value()
    with databases.usable(databases.TRACKING, _REMEDY):
        migrate(databases.TRACKING, settings.backend_store_uri.get_secret_value(), final_schema.TRACKING)
    with databases.usable(databases.USERS, _REMEDY):
        migrate(databases.USERS, users_uri, final_schema.USERS)
        with databases.connected(users_uri) as engine, engine.begin() as connection:
            users.follow(connection, settings)


def migrate(key: str, uri: str, final: FinalSchema) -> None:
    """Bring the database that the setting names to the newest schema."""
    databases.create_file(uri)
    with databases.connected(uri) as engine, locked(engine) as connection:
        revision = revision_of(connection, final)
        if revision == final.revision:
            return
        if revision is None:
            leaves_out = (lambda _: False) if triggers.are_possible(connection) else triggers.left_out
            load(connection, [final], leaves_out)
            return
        from services.mlflow import schema

        newest = schema.TRACKING if final is final_schema.TRACKING else schema.USERS
        if not newest.knows(revision):
            sys.exit(
                f"{key} names a database with the schema {revision}, which this MLflow does not know: "
                f"{final.revision} or an older one is expected. "
                "Remedy: use an image that is as new as the database, or restore a backup from before."
            )
        if connection.dialect.name == "sqlite":
            connection.close()
        schema.migrate(uri, newest)
