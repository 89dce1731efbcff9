import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from services.mlflow import schema
from tests.mlflow_server import mlflow_environment

pytestmark = pytest.mark.filterwarnings("ignore:No path_separator found:DeprecationWarning")


def older_database(path: Path) -> str:
    """A users' database as MLflow left it two migrations ago, with one user."""
    uri = f"sqlite:///{path}"
    config = Config()
    config.set_main_option("script_location", str(schema.USERS.migrations))
    config.set_main_option("sqlalchemy.url", uri)
    command.upgrade(config, "head-2")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO users (username, password_hash, is_admin) VALUES ('maria', 'hash', 0)")
    return uri


def usernames(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [name for (name,) in database.execute("SELECT username FROM users")]


def test_a_missing_database_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/state/users.db"
    schema.migrate(uri, schema.USERS)
    assert schema.is_newest(uri, schema.USERS)
    assert (tmp_path / "state/users.db").stat().st_mode & 0o777 == 0o600


def test_an_older_database_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "users.db"
    uri = older_database(path)
    assert not schema.is_newest(uri, schema.USERS)
    schema.migrate(uri, schema.USERS)
    assert schema.is_newest(uri, schema.USERS)
    assert usernames(path) == ["maria"]
    assert [file.name for file in tmp_path.iterdir()] == ["users.db"]


def test_a_migration_neither_reports_on_its_use_nor_prepares_to(tmp_path: Path) -> None:
    # MLflow never does where it finds the variables of a test runner or of CI.
    bare = {name: value for name, value in mlflow_environment(tmp_path).items() if name.startswith("MLFLOW_")}
    older_database(tmp_path / "users.db")
    settings = tmp_path / "settings"
    subprocess.run(
        [sys.executable, "-m", "services.mlflow", "prepare"],
        env=bare | {"XDG_CONFIG_HOME": str(settings)},
        check=True,
    )
    assert schema.is_newest(f"sqlite:///{tmp_path}/users.db", schema.USERS)
    assert not settings.exists()


def test_a_migration_that_breaks_off_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "users.db"
    uri = older_database(path)
    before = path.read_bytes()

    def break_off(engine: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        schema.migrate(uri, schema.Schema(schema.USERS.migrations, schema.USERS.version_table, break_off))
    assert path.read_bytes() == before
    schema.migrate(uri, schema.USERS)
    assert usernames(path) == ["maria"]


def test_the_newest_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "users.db"
    uri = f"sqlite:///{path}"
    schema.migrate(uri, schema.USERS)
    before = path.stat()
    schema.migrate(uri, schema.USERS)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
