"""Database schemas, created or migrated so that a crash at any moment loses nothing.

MLflow's migrations of SQLite are no transaction: one that is killed leaves tables that the next
attempt stumbles over. So a copy is migrated, and then takes the file's place.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import mlflow.db
import mlflow.server.auth.db.utils as users_store
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event

from services.mlflow import triggers
from services.mlflow.databases import connected, sqlite_path

# The function behind `mlflow db upgrade`, without its command line: the URI may hold a password.
_upgrade_tracking = cast("Callable[[str], None]", mlflow.db.upgrade.callback)
_MLFLOW = Path(mlflow.__file__).parent


@dataclass(frozen=True)
class Schema:
    """A schema that Alembic keeps: its migrations, where its version is noted, how to reach the newest."""

    migrations: Path
    version_table: str
    upgrade: Callable[[Engine], None]

    @property
    def newest(self) -> str:
        """The version that this MLflow has."""
        return str(ScriptDirectory(str(self.migrations)).get_current_head())

    def knows(self, revision: str) -> bool:
        """Whether the version is this MLflow's or an older one."""
        return any(
            each.revision == revision for each in ScriptDirectory(str(self.migrations)).walk_revisions()
        )


TRACKING = Schema(
    _MLFLOW / "store/db_migrations",
    "alembic_version",
    lambda engine: _upgrade_tracking(engine.url.render_as_string(hide_password=False)),
)
USERS = Schema(
    _MLFLOW / "server/auth/db/migrations",
    "alembic_version_auth",
    lambda engine: users_store.migrate(engine, "head"),
)


def migrate(uri: str, schema: Schema) -> None:
    """Bring the database to the newest schema; one that has it is left alone, even in use.

    Nothing may write to an older SQLite database meanwhile: its copy would miss it.

    Raises:
        sqlalchemy.exc.DBAPIError, sqlite3.Error, OSError: the database or its disk cannot be used.
    """
    path = sqlite_path(uri)
    if path is None:
        with connected(uri) as engine, possible_triggers(engine):
            schema.upgrade(engine)
    elif not path.exists() or not is_newest(uri, schema):
        _migrate_copy(path, schema)


@contextmanager
def possible_triggers(engine: Engine) -> Iterator[None]:
    """Migrations meanwhile leave out the triggers that the server lets nobody make, and say so."""

    def pass_over(
        _connection: object, _cursor: object, statement: str, parameters: object, *_: object
    ) -> tuple[str, object]:
        return ("DO 0", ()) if triggers.left_out(statement) else (statement, parameters)

    with engine.connect() as connection:
        allowed = triggers.are_possible(connection)
    if allowed:
        yield
        return
    # MLflow makes engines of its own.
    event.listen(Engine, "before_cursor_execute", pass_over, retval=True)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", pass_over)


def is_newest(uri: str, schema: Schema) -> bool:
    """Whether the database has the newest schema."""
    with connected(uri) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.version_table})
        return context.get_current_revision() == schema.newest


def _migrate_copy(path: Path, schema: Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    copy = path.with_name(f"{path.name}.migrating")
    for left_by_a_crash in path.parent.glob(f"{copy.name}*"):
        left_by_a_crash.unlink()
    copy.touch(mode=0o600)
    if path.exists():
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    with connected(f"sqlite:///{copy}") as engine:
        schema.upgrade(engine)
    copy.replace(path)
