"""Before the services start: the database is at the newest schema and the administrator can sign in.

Running it again changes nothing. Airflow is loaded only to migrate: that takes longer than all the rest.
"""

import sys

from sqlalchemy.exc import DBAPIError

from services.airflow import database
from services.airflow.settings import AirflowSettings


def prepare(settings: AirflowSettings) -> None:
    """Make or migrate the database, then see to the administrator; Airflow's environment must be in place.

    Exits with a sentence when the database cannot be used, or is newer than this Airflow.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        if not database.is_ready(settings):
            from services.airflow.migration import migrate

            migrate(settings.database_uri.get_secret_value())
        database.ensure_administrator(settings)
        database.note_ready(settings)
    except (DBAPIError, LookupError, OSError) as error:
        # What the driver says; SQLAlchemy would add the statement and its parameters.
        reason = error.orig if isinstance(error, DBAPIError) else error
        sys.exit(
            f"AIRFLOW_DATABASE_URI names a database that cannot be used ({reason}): expected is one "
            "of this Airflow or an older one, or an empty one. Remedy: restore it from a backup, "
            "or move it away and prepare a new one; see that its disk has space."
        )
