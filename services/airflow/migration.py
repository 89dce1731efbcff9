"""The database brought to the newest schema by Airflow's own migrations, and its roles with it."""

import os
from pathlib import Path

import airflow
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.providers.fab.auth_manager.models.db import FABDBManager
from airflow.utils.db import upgradedb
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from services.airflow.database import AIRFLOW, FAB
from services.final_schema import FinalSchema, revision_of


def migrate(uri: str) -> None:
    """Migrate the database that Airflow's environment names, or make the newest schema where there is none.

    Raises:
        LookupError: when the database is newer than this Airflow.
    """
    engine = create_engine(uri)
    with engine.connect() as connection:
        _require_known(connection, AIRFLOW, Path(airflow.__file__).parent / "migrations")
        _require_known(connection, FAB, Path(FABDBManager.migration_dir))
    engine.dispose()
    upgradedb()
    # What each role may do is written here, and not again by every api-server that starts.
    os.environ["AIRFLOW__FAB__UPDATE_FAB_PERMS"] = "True"
    with get_application_builder():
        pass


def _require_known(connection: Connection, schema: FinalSchema, migrations: Path) -> None:
    revision = revision_of(connection, schema)
    known = {each.revision for each in ScriptDirectory(str(migrations)).walk_revisions()}
    if revision and revision not in known:
        raise LookupError(f"its schema is {revision}, which {schema.package} does not know")
