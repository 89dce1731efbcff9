"""Airflow on a MySQL server as a managed service runs it, and how fast its database is ready there."""

import os
import ssl
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import pytest
from werkzeug.security import check_password_hash

from services.airflow import mysql as airflow_mysql
from services.airflow.database import AIRFLOW, FAB
from services.airflow.test_settings import GOOD
from services.final_schema import DIALECTS, FinalSchema
from tests import final_schemas
from tests.region.mysql import MySQL

ROOT = Path(__file__).parents[2]
AWKWARD = "p #%@/:?&=+$HOME ${x} `id` \\ \"q\" 'q' ~"
BOTH_ENGINES = """
import asyncio, os
from services.airflow import mysql
from services.airflow.environment import environment
from services.airflow.settings import AirflowSettings
found = AirflowSettings.load()
os.environ.update(environment(found))
mysql.use(found.database_uri.get_secret_value())
from airflow import settings
from sqlalchemy import text
CIPHER = text("SHOW STATUS LIKE 'Ssl_cipher'")
with settings.engine.connect() as connection:
    print(connection.execute(CIPHER).one()[1])
async def main():
    async with settings.async_engine.connect() as connection:
        print((await connection.execute(CIPHER)).one()[1])
    await settings.async_engine.dispose()
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("final", "package"), [(AIRFLOW, "apache-airflow"), (FAB, "apache-airflow-providers-fab")]
)
def test_the_file_is_of_the_locked_version(final: FinalSchema, package: str) -> None:
    assert final.package == f"{package} {version(package)}", "run `python -m tests.final_schemas` as root"
    assert len({final.heading(dialect) for dialect in DIALECTS}) == 1


def test_the_asynchronous_engine_is_told_apart() -> None:
    variables = airflow_mysql.variables(
        "mysql+pymysql://u:p%23@db:3306/airflow?charset=utf8mb4&ssl_ca=/ca.pem"
    )
    assert variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] == "mysql+aiomysql://u:p%23@db:3306/airflow"


def test_a_uri_without_an_authority_asks_for_tls_that_is_not_verified() -> None:
    context = airflow_mysql.tls("mysql+pymysql://u:p@db/airflow?ssl_check_hostname=false")
    assert context
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)
    assert airflow_mysql.tls("mysql+pymysql://u:p@db/airflow") is None


@dataclass
class Database:
    server: MySQL
    environment: dict[str, str]

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def prepare(self) -> str:
        done = self.python("-m", "services.airflow", "prepare")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def administrator(self) -> str:
        """The password's hash. Fails unless there is one user, and that is the administrator."""
        ((name, password, role),) = self.server.execute(
            "SELECT username, password, r.name FROM airflow.ab_user u "
            "JOIN airflow.ab_user_role ur ON ur.user_id = u.id JOIN airflow.ab_role r ON r.id = ur.role_id"
        )
        assert (name, role) == ("admin", "Admin")
        return str(password)


@pytest.fixture
def database(mysql: MySQL, tmp_path: Path) -> Database:
    """An empty one, with a user who has no more rights than first boot gives, and an awkward password."""
    mysql.clear()
    password = f"Aa1{AWKWARD}"
    mysql.execute("CREATE DATABASE airflow CHARACTER SET utf8mb4")
    mysql.execute("CREATE USER airflow@'%%' IDENTIFIED BY %s REQUIRE SSL", password)
    mysql.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES "
        "ON airflow.* TO airflow@'%'"
    )
    uri = f"mysql+pymysql://airflow:{quote(password, safe='')}@{mysql.host}:{mysql.port}/airflow"
    changed = {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW_DAGS_FOLDER": str(tmp_path),
        "AIRFLOW_DATABASE_URI": f"{uri}?charset=utf8mb4&ssl_ca={mysql.authority}",
        "AIRFLOW_ADMIN_PASSWORD": AWKWARD,
    }
    return Database(mysql, {**os.environ, **GOOD, **changed})


@pytest.mark.root
@pytest.mark.timeout(600)
class TestOnMySQL:
    def test_the_files_are_what_airflow_makes(self, mysql: MySQL) -> None:
        for final, script in final_schemas.airflow(mysql).items():
            assert final_schemas.are_same(final.file("mysql").read_text(), script), (
                "run `python -m tests.final_schemas` as root"
            )

    def test_an_empty_database_is_made_ready_without_airflow(self, database: Database) -> None:
        assert "alembic" not in database.prepare()
        assert check_password_hash(database.administrator(), AWKWARD)
        before = database.server.execute("CHECKSUM TABLE airflow.ab_user, airflow.ab_permission_view_role")
        assert "alembic" not in database.prepare()
        after = database.server.execute("CHECKSUM TABLE airflow.ab_user, airflow.ab_permission_view_role")
        assert before == after

    def test_airflow_itself_finds_nothing_to_do(self, database: Database) -> None:
        database.prepare()
        roles = database.server.execute("SELECT COUNT(*) FROM airflow.ab_permission_view_role")
        for mark in Path(database.environment["AIRFLOW_HOME"]).glob("*.ready"):
            mark.unlink()
        output = database.prepare()
        assert "Migrating the Airflow database" in output
        assert "Running upgrade" not in output
        assert "Added Permission" not in output
        assert database.server.execute("SELECT COUNT(*) FROM airflow.ab_permission_view_role") == roles

    def test_both_engines_speak_tls(self, database: Database) -> None:
        database.prepare()
        done = database.python("-W", "ignore", "-c", BOTH_ENGINES)
        assert done.returncode == 0, done.stderr
        ciphers = done.stdout.split("\n")[-3:-1]
        assert len(ciphers) == 2
        assert all("TLS" in cipher or "GCM" in cipher for cipher in ciphers)

    def test_the_password_of_the_administrator_follows_the_settings(self, database: Database) -> None:
        database.prepare()
        database.environment["AIRFLOW_ADMIN_PASSWORD"] = "another password"
        database.prepare()
        assert check_password_hash(database.administrator(), "another password")

    def test_a_load_that_was_broken_off_is_completed(self, database: Database) -> None:
        database.prepare()
        database.server.execute("DELETE FROM airflow.alembic_version")
        database.server.execute("DELETE FROM airflow.alembic_version_fab")
        database.server.execute("DROP TABLE airflow.job, airflow.ab_user_role")
        database.server.execute("DELETE FROM airflow.ab_user")
        database.prepare()
        assert check_password_hash(database.administrator(), AWKWARD)
        versions = [
            database.server.execute(f"SELECT version_num FROM airflow.{final.version_table}")[0][0]  # noqa: S608
            for final in (AIRFLOW, FAB)
        ]
        assert versions == [AIRFLOW.revision, FAB.revision]

    @pytest.mark.parametrize("table", ["alembic_version", "alembic_version_fab"])
    def test_a_newer_schema_is_refused(self, database: Database, table: str) -> None:
        database.prepare()
        database.server.execute(f"UPDATE airflow.{table} SET version_num = 'fffffffffff0'")  # noqa: S608
        done = database.python("-m", "services.airflow", "prepare")
        assert done.returncode == 1
        assert "AIRFLOW_DATABASE_URI names a database that cannot be used" in done.stderr
        assert "its schema is fffffffffff0" in done.stderr
        assert "Traceback" not in done.stderr + done.stdout

    def test_an_older_schema_is_migrated_forward(self, database: Database) -> None:
        database.prepare()
        done = database.python("-W", "ignore", "-c", OLDER)
        assert done.returncode == 0, done.stdout + done.stderr
        ((older,),) = database.server.execute("SELECT version_num FROM airflow.alembic_version")
        assert older != AIRFLOW.revision
        database.prepare()
        ((now,),) = database.server.execute("SELECT version_num FROM airflow.alembic_version")
        assert now == AIRFLOW.revision


OLDER = """
import os
from services.airflow import mysql
from services.airflow.environment import environment
from services.airflow.settings import AirflowSettings
found = AirflowSettings.load()
os.environ.update(environment(found))
mysql.use(found.database_uri.get_secret_value())
from airflow.utils.db import downgrade, _get_alembic_config
from alembic.script import ScriptDirectory
script = ScriptDirectory.from_config(_get_alembic_config())
head = script.get_revision(script.get_current_head())
downgrade(to_revision=head.down_revision)
"""
