"""`python -m tests.final_schemas` writes the newest schemas, from the programs' own migrations.

It needs root, for a MySQL server that lets the migrations pass: they fail on one as managed services run it.
"""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from pymysql.converters import escape_item
from sqlalchemy import MetaData, create_engine

from services.airflow.database import AIRFLOW, FAB
from services.final_schema import FinalSchema
from services.mlflow.databases import connected
from services.mlflow.final_schema import TRACKING, USERS
from tests.region.mysql import MySQL

if TYPE_CHECKING:
    from services.mlflow.schema import Schema

# MLflow is imported where it is needed: who asks for Airflow's schema only need not bear its warnings.
Scripts = dict[FinalSchema, str]

_ROOT = Path(__file__).parents[1]
_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
_DEFINER = re.compile(r" DEFINER=\S+")
_CREATED = re.compile(r'(?P<what>CREATE (TABLE|TRIGGER|(UNIQUE )?INDEX)) ("?\w+"? ON )?"?(?P<table>\w+)')
_INSERTED = re.compile(r'INSERT INTO "(?P<table>\w+)" VALUES(?P<row>.*)', re.DOTALL)
_MOMENT = re.compile(r"'20\d\d-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?'")
_BY_AIRFLOW = """
from services.airflow import database
from services.airflow.__main__ import main
database.is_ready = lambda settings: False
database.ensure_administrator = database.note_ready = lambda settings: None
main(["prepare"])
"""
_SECRET = "only for an empty database"


def mlflow(server: MySQL) -> Scripts:
    """What MLflow's files for MySQL hold when they are up to date."""
    from services.mlflow import schema

    with _lenient(server):
        for database in ("newest_tracking", "newest_users"):
            _create(server, database)
        schema.migrate(server.uri("newest_tracking"), schema.TRACKING)
        _migrate_users(server.uri("newest_users"))
        server.execute("INSERT INTO newest_users.alembic_version_auth VALUES (%s)", schema.USERS.newest)
        return {
            TRACKING: _dump(server, "newest_tracking", TRACKING, "mlflow"),
            USERS: _dump(server, "newest_users", USERS, "mlflow"),
        }


def mlflow_on_sqlite(folder: Path) -> Scripts:
    """The same for SQLite."""
    from services.mlflow import schema

    scripts = {}
    for final, migrated in ((TRACKING, schema.TRACKING), (USERS, schema.USERS)):
        schema.migrate(f"sqlite:///{folder / final.name}.db", migrated)
        scripts[final] = _dump_sqlite(folder / f"{final.name}.db", final, "mlflow")
    return scripts


def airflow(server: MySQL) -> Scripts:
    """What Airflow's files for MySQL hold when they are up to date, roles and their permissions too."""
    _create(server, "newest_airflow")
    with tempfile.TemporaryDirectory() as home:
        _migrate_airflow(server.uri("newest_airflow"), home)
    return {
        AIRFLOW: _dump(server, "newest_airflow", AIRFLOW, "apache-airflow", lambda name: not _is_fab(name)),
        FAB: _dump(server, "newest_airflow", FAB, "apache-airflow-providers-fab", _is_fab),
    }


def airflow_on_sqlite(folder: Path) -> Scripts:
    """The same for SQLite."""
    path = folder / "airflow.db"
    _migrate_airflow(f"sqlite:///{path}", str(folder))
    return {
        AIRFLOW: _dump_sqlite(path, AIRFLOW, "apache-airflow", lambda name: not _is_fab(name)),
        FAB: _dump_sqlite(path, FAB, "apache-airflow-providers-fab", _is_fab),
    }


def _migrate_airflow(uri: str, home: str) -> None:
    environment = {
        **os.environ,
        # The order in which permissions are numbered.
        "PYTHONHASHSEED": "0",
        "AIRFLOW_HOME": home,
        "AIRFLOW_DAGS_FOLDER": home,
        "AIRFLOW_DATABASE_URI": uri,
        "AIRFLOW_ADMIN_PASSWORD": _SECRET,
        "AIRFLOW_SECRET_KEY": _SECRET,
        "AIRFLOW_JWT_SECRET": _SECRET,
        "AIRFLOW_FERNET_KEY": "A" * 43 + "=",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1",
        "MLFLOW_TRACKING_USERNAME": "airflow",
        "MLFLOW_TRACKING_PASSWORD": _SECRET,
        "MODEL_SERVER_URL": "http://127.0.0.1",
    }
    subprocess.run([sys.executable, "-c", _BY_AIRFLOW], env=environment, cwd=_ROOT, check=True)


def are_same(one: str, other: str) -> bool:
    """Whether two scripts make the same; SQLAlchemy names a table's constraints in any order."""
    lines, others = (sorted(line.rstrip(",;") for line in script.splitlines()) for script in (one, other))
    return lines == others


def _is_fab(table: str) -> bool:
    return table.startswith("ab_") or table in ("session", "alembic_version_fab")


def _create(server: MySQL, database: str) -> None:
    server.execute(f"DROP DATABASE IF EXISTS {database}")
    server.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")


def older_tracking(server: MySQL, uri: str, revision: str) -> None:
    """Make an empty database one that an older MLflow has made, where triggers were possible."""
    from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase

    from services.mlflow import schema

    with _lenient(server):
        with connected(uri) as engine:
            InitialBase.metadata.create_all(engine)
        command.upgrade(_alembic(uri, schema.TRACKING), revision)


def older_users(uri: str) -> None:
    """Undo the last migration."""
    from services.mlflow import schema

    command.downgrade(_alembic(uri, schema.USERS), "-1")


def _alembic(uri: str, migrated: "Schema") -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrated.migrations))
    config.set_main_option("sqlalchemy.url", uri.replace("%", "%%"))
    return config


@contextmanager
def _lenient(server: MySQL) -> Iterator[None]:
    """The server lets MLflow's migrations from nothing pass, as a managed one does not."""
    server.execute("SET GLOBAL sql_require_primary_key = OFF")
    server.execute("SET GLOBAL log_bin_trust_function_creators = ON")
    try:
        yield
    finally:
        server.execute("SET GLOBAL sql_require_primary_key = ON")
        server.execute("SET GLOBAL log_bin_trust_function_creators = OFF")


def _migrate_users(uri: str) -> None:
    """These migrations run on SQLite alone: they give two foreign keys one name, which MySQL refuses."""
    from services.mlflow import schema

    metadata = MetaData()
    with tempfile.TemporaryDirectory() as folder:
        sqlite = f"sqlite:///{folder}/users.db"
        schema.migrate(sqlite, schema.USERS)
        with connected(sqlite) as engine:
            metadata.reflect(engine)
    named: set[str] = set()
    for table in metadata.sorted_tables:
        for constraint in table.foreign_key_constraints:
            if constraint.name in named:
                constraint.name = None
            elif constraint.name:
                named.add(str(constraint.name))
    metadata.create_all(create_engine(uri))


def _dump(
    server: MySQL, database: str, final: FinalSchema, package: str, includes: Callable[[str], bool] = bool
) -> str:
    def show(what: str, name: str) -> tuple[Any, ...]:
        return server.execute(f"SHOW CREATE {what} {database}.{name}")[0]

    tables = [name for (name,) in server.execute(f"SHOW TABLES FROM {database}") if includes(name)]
    ((revision,),) = server.execute(f"SELECT version_num FROM {database}.{final.version_table}")  # noqa: S608
    statements = []
    for name in tables:
        created = _COUNTER.sub("", show("TABLE", name)[1])
        statements.append(created.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1))
    for name in tables:
        rows = server.execute(f"SELECT * FROM {database}.{name} ORDER BY 1")  # noqa: S608
        if rows and name != final.version_table:
            literals = [",".join(escape_item(value, "utf8mb4") for value in row) for row in rows]
            values = _MOMENT.sub("'2000-01-01 00:00:00'", ",\n".join(f"({row})" for row in literals))
            statements.append(f"INSERT IGNORE INTO {name} VALUES\n{values}")
    for name, *_ in server.execute(f"SHOW TRIGGERS FROM {database}"):
        created = _DEFINER.sub("", show("TRIGGER", name)[2])
        statements.append(created.replace("CREATE TRIGGER", "CREATE TRIGGER IF NOT EXISTS", 1))
    return _script(package, revision, statements)


def _dump_sqlite(path: Path, final: FinalSchema, package: str, includes: Callable[[str], bool] = bool) -> str:
    statements: list[str] = []
    rows: dict[str, list[str]] = {}
    with closing(sqlite3.connect(path)) as database:
        ((revision,),) = database.execute(f"SELECT version_num FROM {final.version_table}")  # noqa: S608
        for line in database.iterdump():
            statement = "\n".join(each.rstrip() for each in line.rstrip(";").splitlines())
            created, inserted = _CREATED.match(statement), _INSERTED.match(statement)
            if created and includes(created["table"]):
                statements.append(f"{created['what']} IF NOT EXISTS{statement[created.end('what') :]}")
            elif inserted and includes(inserted["table"]) and inserted["table"] != final.version_table:
                rows.setdefault(inserted["table"], []).append(inserted["row"])
    for table, literals in rows.items():
        values = _MOMENT.sub("'2000-01-01 00:00:00'", ",\n".join(literals))
        statements.append(f"INSERT OR IGNORE INTO {table} VALUES\n{values}")
    return _script(package, revision, statements)


def _script(package: str, revision: str, statements: list[str]) -> str:
    heading = f"-- {package} {version(package)}, schema {revision}, by `python -m tests.final_schemas`"
    return f"{heading}\n\n" + ";\n\n".join(statements) + ";\n"


def write(server: MySQL, folder: Path) -> None:
    """Write all files, with the help of an empty server and an empty folder."""
    for final, script in {**mlflow(server), **airflow(server)}.items():
        final.file("mysql").write_text(script)
    for final, script in {**mlflow_on_sqlite(folder), **airflow_on_sqlite(folder)}.items():
        final.file("sqlite").write_text(script)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, MySQL(Path(folder)) as server:
        write(server, Path(folder))
