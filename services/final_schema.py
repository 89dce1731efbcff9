"""A program's newest database schema as files, loaded in less time than its migrations need.

MLflow's migrations from nothing cannot run on a managed MySQL at all: they make tables without primary
keys on their way, and need rights that such a server gives nobody.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, Engine, column, inspect, select, table, text

DIALECTS = ("mysql", "sqlite")
_LOCK_SECONDS = 600


@dataclass(frozen=True)
class FinalSchema:
    """`name`.`dialect`.sql in `folder`: the statements that make a schema, all of which may be repeated."""

    folder: Path
    name: str
    version_table: str

    def file(self, dialect: str) -> Path:
        return self.folder / f"{self.name}.{dialect}.sql"

    def heading(self, dialect: str = "sqlite") -> str:
        """The first line: `-- PACKAGE VERSION, schema REVISION, …`."""
        with self.file(dialect).open() as lines:
            return lines.readline().rstrip("\n")

    @property
    def package(self) -> str:
        """Whose schema it is: `PACKAGE VERSION`."""
        return self.heading().removeprefix("-- ").partition(", schema ")[0]

    @property
    def revision(self) -> str:
        """The version of the schema, as its migrations name it."""
        return self.heading().partition(", schema ")[2].partition(",")[0]

    def statements(self, dialect: str) -> list[str]:
        _, _, script = self.file(dialect).read_text().partition("\n\n")
        return [statement.rstrip(";\n") for statement in script.split(";\n\n")]


@contextmanager
def locked(engine: Engine) -> Iterator[Connection]:
    """A connection that alone may change the schema of its MySQL database, whoever else waits.

    SQLite needs no lock: `load` is one transaction there.

    Raises:
        LookupError: when another one changes it for longer than ten minutes.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "sqlite":
            yield connection
            return
        lock = {"name": f"schema of {engine.url.database}", "seconds": _LOCK_SECONDS}
        if not connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), lock).scalar():
            raise LookupError("another process has been changing its schema for ten minutes")
        try:
            yield connection
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), lock)


def revision_of(connection: Connection, schema: FinalSchema) -> str | None:
    """The version of the database's schema; None when it has none, or a load of it was broken off."""
    if not inspect(connection).has_table(schema.version_table):
        return None
    return connection.execute(select(column("version_num")).select_from(table(schema.version_table))).scalar()


def load(
    connection: Connection,
    schemas: Sequence[FinalSchema],
    leaves_out: Callable[[str], bool] = lambda _: False,
) -> None:
    """Make those of the schemas that a database lacks, by `revision_of`; the version of each is noted last.

    Args:
        connection: a `locked` one.
        schemas: all that share the database.
        leaves_out: tells of a statement that it is not for this server.

    Raises:
        LookupError: when the database holds tables, and none of them is a table of these schemas' versions.
    """
    tables = inspect(connection).get_table_names()
    versions = [schema.version_table for schema in schemas]
    if tables and not set(tables) & set(versions):
        raise LookupError(f"it has tables, such as {tables[0]}, but no {versions[0]}")
    for schema in schemas:
        if revision_of(connection, schema) is None:
            statements = [each for each in _ordered(schema, connection) if not leaves_out(each)]
            _execute(connection, statements)


def _ordered(schema: FinalSchema, connection: Connection) -> list[str]:
    """The table of the version comes first: with it, a load that was broken off is known for one."""
    made = re.compile(rf"CREATE TABLE IF NOT EXISTS \W?{schema.version_table}\b")
    statements = schema.statements(connection.dialect.name)
    noted = f"INSERT INTO {schema.version_table} VALUES ('{schema.revision}')"  # noqa: S608 - both are ours
    return [*sorted(statements, key=lambda each: not made.match(each)), noted]


def _execute(connection: Connection, statements: list[str]) -> None:
    if connection.dialect.name == "sqlite":
        script = ";\n".join(["BEGIN IMMEDIATE", *statements, "COMMIT;"])
        cast("sqlite3.Connection", connection.connection.driver_connection).executescript(script)
        return
    connection.execute(text("SET SESSION foreign_key_checks = 0"))
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    connection.execute(text("SET SESSION foreign_key_checks = 1"))
