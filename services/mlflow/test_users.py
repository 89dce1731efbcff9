from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

from services.mlflow import schema, users
from services.mlflow.settings import TrackingServerSettings

pytestmark = pytest.mark.filterwarnings("ignore:No path_separator found:DeprecationWarning")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlAlchemyStore]:
    uri = f"sqlite:///{tmp_path}/users.db"
    schema.migrate(uri, schema.USERS)
    store = SqlAlchemyStore()
    store.init_db(uri)  # type: ignore[no-untyped-call]
    yield store
    store.engine.dispose()


def settings_with(**passwords: str) -> TrackingServerSettings:
    """Settings whose passwords are the user's name four times, unless given."""
    names = ("admin", "airflow", "model_server", "dashboard")
    return TrackingServerSettings.model_validate(
        {
            "MLFLOW_BACKEND_STORE_URI": "sqlite:////unused/mlflow.db",
            "MLFLOW_AUTH_DATABASE_URI": "sqlite:////unused/users.db",
            "MLFLOW_ARTIFACTS_DESTINATION": "/unused",
            "MLFLOW_SECRET_KEY": "secret-key-of-the-server",
            **{f"MLFLOW_{name.upper()}_PASSWORD": passwords.get(name, name * 4) for name in names},
        }
    )


def follow(store: SqlAlchemyStore, settings: TrackingServerSettings) -> None:
    with store.engine.begin() as connection:
        users.follow(connection, settings)


def roles_of(store: SqlAlchemyStore, name: str) -> list[str]:
    return [role.name for role in store.list_user_roles(store.get_user(name).id)]


def test_the_admin_and_a_user_for_each_service_are_made(store: SqlAlchemyStore) -> None:
    follow(store, settings_with())
    assert {user.username: user.is_admin for user in store.list_users()} == {
        "admin": True,
        "airflow": False,
        "model-server": False,
        "dashboard": False,
    }
    assert [roles_of(store, name) for name in ("airflow", "model-server", "dashboard")] == [
        ["trainer"],
        ["reader"],
        ["reader"],
    ]


def test_passwords_follow_the_settings(store: SqlAlchemyStore) -> None:
    follow(store, settings_with())
    follow(store, settings_with(admin="another admin", dashboard="another dashboard"))
    assert not store.authenticate_user("admin", "admin" * 4)
    assert store.authenticate_user("admin", "another admin")
    assert store.authenticate_user("dashboard", "another dashboard")
    assert store.authenticate_user("airflow", "airflow" * 4)


def test_a_second_time_changes_nothing(store: SqlAlchemyStore) -> None:
    follow(store, settings_with())
    before = [vars(user) for user in store.list_users()]
    follow(store, settings_with())
    assert [vars(user) for user in store.list_users()] == before
    assert roles_of(store, "airflow") == ["trainer"]


def test_what_was_taken_away_comes_back(store: SqlAlchemyStore) -> None:
    follow(store, settings_with())
    dashboard = store.get_user("dashboard")
    store.unassign_role_from_user(dashboard.id, store.list_user_roles(dashboard.id)[0].id)
    store.update_user("admin", is_admin=False)
    store.update_user("airflow", is_admin=True)
    follow(store, settings_with())
    assert roles_of(store, "dashboard") == ["reader"]
    assert store.get_user("admin").is_admin
    assert not store.get_user("airflow").is_admin


def test_people_stay_as_they_are(store: SqlAlchemyStore) -> None:
    follow(store, settings_with())
    store.create_user("maria", "a long password of hers")
    follow(store, settings_with())
    assert store.authenticate_user("maria", "a long password of hers")
