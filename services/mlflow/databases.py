"""The two databases as files and connections, known without loading MLflow."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, literal, make_url, select
from sqlalchemy import table as sql_table
from sqlalchemy.exc import DBAPIError

from services.mlflow.settings import TrackingServerSettings

TRACKING = "MLFLOW_BACKEND_STORE_URI"
USERS = "MLFLOW_AUTH_DATABASE_URI"


def require_prepared(settings: TrackingServerSettings) -> None:
    """Exit with a sentence when a database is unusable or not prepared."""
    tables = (
        (TRACKING, settings.backend_store_uri, "alembic_version"),
        (USERS, settings.auth_database_uri, "users"),
    )
    for key, uri, table in tables:
        with usable(key, remedy="run `python -m services.mlflow prepare` first"):
            _require_row(uri.get_secret_value(), table)


@contextmanager
def usable(key: str, remedy: str) -> Iterator[None]:
    """Turn the failure of a database, or of its disk, into a sentence that names the setting."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError, LookupError) as error:
        # What the driver says; SQLAlchemy would add the statement and its parameters.
        reason = error.orig if isinstance(error, DBAPIError) else error
        sys.exit(
            f"{key} names a database that cannot be used ({reason}): a usable one is expected. "
            f"Remedy: {remedy}."
        )


@contextmanager
def connected(uri: str) -> Iterator[Engine]:
    """An engine that is closed afterwards."""
    engine = create_engine(uri)
    try:
        yield engine
    finally:
        engine.dispose()


def create_file(uri: str) -> None:
    """Make a SQLite database that is not there, empty and for its owner alone."""
    path = sqlite_path(uri)
    if path and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite database; None for another kind of database."""
    url = make_url(uri)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _require_row(uri: str, table: str) -> None:
    path = sqlite_path(uri)
    if path and not path.exists():  # connecting would create it, empty
        raise FileNotFoundError(f"{path} does not exist")
    with connected(uri) as engine, engine.connect() as connection:
        if connection.execute(select(literal(1)).select_from(sql_table(table))).first() is None:
            raise LookupError(f"its table {table} is empty")
