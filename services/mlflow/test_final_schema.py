import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from services import final_schema
from services.final_schema import DIALECTS, FinalSchema
from services.mlflow import databases, preparation, schema
from services.mlflow.databases import connected
from services.mlflow.final_schema import TRACKING, USERS
from tests import final_schemas
from tests.mlflow_server import free_port, mlflow_environment, run_prepare, start_mlflow
from tests.region.mysql import MySQL

pytestmark = pytest.mark.filterwarnings("ignore:No path_separator found:DeprecationWarning")

KINDS = {"tracking": (TRACKING, schema.TRACKING), "users": (USERS, schema.USERS)}
BEFORE_TRIGGERS = "bf29a5ff90ea"  # pragma: allowlist secret
"""The version before MLflow's first trigger."""
AFTER_WORKSPACES = "1b5f0d9ad7c1"  # pragma: allowlist secret
"""The version from which on no migration drops a primary key for a moment, which strict servers refuse."""

kinds = pytest.mark.parametrize(("final", "migrated"), KINDS.values(), ids=KINDS)


@kinds
def test_the_file_is_of_the_locked_mlflow(final: FinalSchema, migrated: schema.Schema) -> None:
    assert final.revision == migrated.newest, "run `python -m tests.final_schemas` as root"
    assert final.version_table == migrated.version_table
    assert len({final.heading(dialect) for dialect in DIALECTS}) == 1


@pytest.mark.slow
def test_the_files_for_sqlite_are_what_the_migrations_make(tmp_path: Path) -> None:
    for final, script in final_schemas.mlflow_on_sqlite(tmp_path).items():
        assert final_schemas.are_same(final.file("sqlite").read_text(), script), (
            "run `python -m tests.final_schemas` as root"
        )


@kinds
def test_an_empty_file_gets_the_newest_schema(
    tmp_path: Path, final: FinalSchema, migrated: schema.Schema
) -> None:
    uri = f"sqlite:///{tmp_path}/state/new.db"
    preparation.migrate("KEY", uri, final)
    assert schema.is_newest(uri, migrated)
    assert (tmp_path / "state/new.db").stat().st_mode & 0o777 == 0o600
    preparation.migrate("KEY", uri, final)


def test_a_file_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE photos (id)")
    before = path.read_bytes()
    with pytest.raises(LookupError, match="it has tables, such as photos, but no alembic_version_auth"):
        preparation.migrate("KEY", f"sqlite:///{path}", USERS)
    assert path.read_bytes() == before


@pytest.mark.root
@pytest.mark.timeout(600)
class TestOnMySQL:
    """With a server as a managed service runs it."""

    @pytest.fixture
    def uri(self, mysql: MySQL) -> str:
        """An empty database, with a user who has no more rights than first boot gives."""
        mysql.clear()
        mysql.execute("CREATE DATABASE plain CHARACTER SET utf8mb4")
        mysql.execute("CREATE USER plain@'%' IDENTIFIED BY 'Plain-user-1' REQUIRE SSL")
        mysql.execute(
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER "
            "ON plain.* TO plain@'%'"
        )
        return f"mysql+pymysql://plain:Plain-user-1@{mysql.host}:{mysql.port}/plain?ssl_ca={mysql.authority}"

    def test_the_files_are_what_the_migrations_make(self, mysql: MySQL) -> None:
        for final, script in final_schemas.mlflow(mysql).items():
            assert final_schemas.are_same(final.file("mysql").read_text(), script), (
                "run `python -m tests.final_schemas` as root"
            )

    @kinds
    def test_an_empty_database_gets_the_newest_schema_without_triggers(
        self, uri: str, mysql: MySQL, capsys: pytest.CaptureFixture[str], final: FinalSchema, migrated: object
    ) -> None:
        preparation.migrate("KEY", uri, final)
        assert mysql.execute(f"SELECT version_num FROM plain.{final.version_table}") == [(final.revision,)]  # noqa: S608
        assert mysql.execute("SHOW TRIGGERS FROM plain") == []
        told = "prevent_secrets_aad_mutation is left out" in capsys.readouterr().err
        assert told == (final is TRACKING)

    def test_the_trigger_is_made_where_it_may_be(self, uri: str, mysql: MySQL) -> None:
        mysql.execute("SET GLOBAL log_bin_trust_function_creators = ON")
        try:
            preparation.migrate("KEY", uri, TRACKING)
        finally:
            mysql.execute("SET GLOBAL log_bin_trust_function_creators = OFF")
        assert [name for name, *_ in mysql.execute("SHOW TRIGGERS FROM plain")] == [
            "prevent_secrets_aad_mutation"
        ]

    def test_a_load_that_was_broken_off_is_completed(self, uri: str, mysql: MySQL) -> None:
        preparation.migrate("KEY", uri, TRACKING)
        mysql.execute("DELETE FROM plain.alembic_version")
        mysql.execute("DROP TABLE plain.span_metrics, plain.trace_tags")
        preparation.migrate("KEY", uri, TRACKING)
        tables = {name for (name,) in mysql.execute("SHOW TABLES FROM plain")}
        assert {"span_metrics", "trace_tags"} <= tables
        assert mysql.execute("SELECT version_num FROM plain.alembic_version") == [(TRACKING.revision,)]

    @pytest.mark.parametrize(("revision", "strict"), [(BEFORE_TRIGGERS, "OFF"), (AFTER_WORKSPACES, "ON")])
    def test_an_older_tracking_database_is_migrated_forward(
        self, uri: str, mysql: MySQL, capsys: pytest.CaptureFixture[str], revision: str, strict: str
    ) -> None:
        final_schemas.older_tracking(mysql, mysql.uri("plain"), revision)
        mysql.execute("INSERT INTO plain.experiments (name, lifecycle_stage) VALUES ('old', 'active')")
        mysql.execute(f"SET GLOBAL sql_require_primary_key = {strict}")
        try:
            preparation.migrate("KEY", uri, TRACKING)
        finally:
            mysql.execute("SET GLOBAL sql_require_primary_key = ON")
        told = "prevent_secrets_aad_mutation is left out" in capsys.readouterr().err
        assert told == (revision == BEFORE_TRIGGERS)
        assert mysql.execute("SELECT version_num FROM plain.alembic_version") == [(TRACKING.revision,)]
        assert mysql.execute("SELECT name FROM plain.experiments") == [("old",)]

    def test_an_older_users_database_is_migrated_forward(self, uri: str, mysql: MySQL) -> None:
        preparation.migrate("KEY", uri, USERS)
        mysql.execute("INSERT INTO plain.users (username, password_hash) VALUES ('maria', 'hash')")
        final_schemas.older_users(uri)
        preparation.migrate("KEY", uri, USERS)
        assert mysql.execute("SELECT version_num FROM plain.alembic_version_auth") == [(USERS.revision,)]
        assert mysql.execute("SELECT username FROM plain.users") == [("maria",)]

    def test_a_newer_schema_is_refused(
        self, uri: str, mysql: MySQL, capsys: pytest.CaptureFixture[str]
    ) -> None:
        preparation.migrate("KEY", uri, USERS)
        mysql.execute("UPDATE plain.alembic_version_auth SET version_num = 'from_the_future'")
        with pytest.raises(SystemExit, match="KEY names a database with the schema from_the_future"):
            preparation.migrate("KEY", uri, USERS)

    def test_somebody_elses_database_is_refused(self, uri: str, mysql: MySQL) -> None:
        mysql.execute("CREATE TABLE plain.users (id INT PRIMARY KEY)")
        with (
            pytest.raises(SystemExit, match="it has tables, such as users, but no alembic_version_auth"),
            databases.usable("KEY", "x"),
        ):
            preparation.migrate("KEY", uri, USERS)

    def test_two_at_once_wait_for_each_other(
        self, uri: str, mysql: MySQL, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(final_schema, "_LOCK_SECONDS", 0)
        refused = pytest.raises(LookupError, match="another process")
        with connected(uri) as engine:
            with final_schema.locked(engine), connected(uri) as other, refused, final_schema.locked(other):
                pass
            with final_schema.locked(engine):
                pass

    def test_a_database_without_the_right_to_make_tables_is_told(self, uri: str, mysql: MySQL) -> None:
        mysql.execute("REVOKE CREATE ON plain.* FROM plain@'%'")
        with pytest.raises(DBAPIError, match="CREATE command denied"):
            preparation.migrate("KEY", uri, USERS)

    def test_a_tracking_server_keeps_everything_in_mysql(
        self, mysql: MySQL, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mlflow import MlflowClient

        mysql.clear()
        folder = tmp_path_factory.mktemp("mlflow")
        environment = mlflow_environment(folder)
        for variable, name in (
            ("MLFLOW_BACKEND_STORE_URI", "mlflow"),
            ("MLFLOW_AUTH_DATABASE_URI", "mlflow_users"),
        ):
            mysql.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            mysql.execute(f"CREATE USER {name}@'%' IDENTIFIED BY 'Plain-user-1' REQUIRE SSL")
            mysql.execute(f"GRANT ALL ON {name}.* TO {name}@'%'")
            environment[variable] = (
                f"mysql+pymysql://{name}:Plain-user-1@{mysql.host}:{mysql.port}/{name}"
                f"?charset=utf8mb4&ssl_ca={mysql.authority}"
            )
        environment["MLFLOW_PORT"] = str(free_port())
        awkward = "p #%@/:?&=+$HOME ${x} `id` \\ \"q\" 'q' ~é"
        environment["MLFLOW_AIRFLOW_PASSWORD"] = awkward
        run_prepare(environment)
        process = start_mlflow(environment, folder / "server.log")
        try:
            monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "airflow")
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", awkward)
            client = MlflowClient(f"http://127.0.0.1:{environment['MLFLOW_PORT']}")
            run = client.create_run(client.create_experiment("on-mysql")).info.run_id
            client.log_metric(run, "accuracy", 0.5)
            client.set_tag(run, "note", "São Paulo ☀")
            client.create_registered_model("model")
            assert client.get_run(run).data.tags["note"] == "São Paulo ☀"
        finally:
            process.terminate()
            process.wait(20)
        assert mysql.execute("SELECT value FROM mlflow.metrics") == [(0.5,)]
        assert [file.name for file in folder.iterdir() if file.suffix == ".db"] == []
