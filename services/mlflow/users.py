"""The users and roles of the tracking server, made to follow the settings.

In MLflow's own tables, but without its code: to load that takes longer than all that is done here.
"""

from typing import Any, cast

from sqlalchemy import Boolean, Column, Connection, Integer, MetaData, String, Table, insert, select, update
from werkzeug.security import check_password_hash, generate_password_hash

from services.mlflow.settings import TrackingServerSettings
from services.settings import SecretStr

READER = "reader"
TRAINER = "trainer"
ROLE_OF_SERVICE = {"airflow": TRAINER, "model-server": READER, "dashboard": READER}

WORKSPACE = "default"
EDIT = "EDIT"
_PERMISSIONS = {READER: {}, TRAINER: {"experiment": EDIT, "registered_model": EDIT}}

_METADATA = MetaData()


def _table(name: str, *columns: str, **types: Any) -> Table:
    typed = [Column(column, types.get(column, String)) for column in columns]
    return Table(name, _METADATA, Column("id", Integer, primary_key=True), *typed)


_USERS = _table("users", "username", "password_hash", "is_admin", is_admin=Boolean)
_ROLES = _table("roles", "name", "workspace")
_GRANTS = _table(
    "role_permissions", "role_id", "resource_type", "resource_pattern", "permission", role_id=Integer
)
_ASSIGNMENTS = _table("user_role_assignments", "user_id", "role_id", user_id=Integer, role_id=Integer)


def follow(connection: Connection, settings: TrackingServerSettings) -> None:
    """Make the admin, the services' users and their roles what the settings say; whoever else is there stays.

    Idempotent; the caller's transaction makes it whole or nothing.
    """
    _ensure_user(connection, settings.admin_username, settings.admin_password, is_admin=True)
    roles = {name: _ensure_role(connection, name, granted) for name, granted in _PERMISSIONS.items()}
    for name, password in settings.service_passwords.items():
        user_id = _ensure_user(connection, name, password, is_admin=False)
        _ensure(connection, _ASSIGNMENTS, {"user_id": user_id, "role_id": roles[ROLE_OF_SERVICE[name]]})


def _ensure_user(connection: Connection, name: str, password: SecretStr, *, is_admin: bool) -> int:
    secret = password.get_secret_value()
    found = connection.execute(select(_USERS).where(_USERS.c.username == name)).first()
    holds = found is not None and check_password_hash(found.password_hash, secret)
    # Hashed anew only when it has to be: that takes a tenth of a second, and changes the row.
    password_hash = found.password_hash if found and holds else generate_password_hash(secret)
    return _ensure(
        connection, _USERS, {"username": name}, {"password_hash": password_hash, "is_admin": is_admin}
    )


def _ensure_role(connection: Connection, name: str, granted: dict[str, str]) -> int:
    role_id = _ensure(connection, _ROLES, {"name": name, "workspace": WORKSPACE})
    for resource_type, permission in granted.items():
        key = {"role_id": role_id, "resource_type": resource_type, "resource_pattern": "*"}
        _ensure(connection, _GRANTS, key, {"permission": permission})
    return role_id


def _ensure(
    connection: Connection, table: Table, key: dict[str, Any], values: dict[str, Any] | None = None
) -> int:
    """The ID of the row with this key, which has these values then."""
    values = values or {}
    found = connection.execute(select(table).filter_by(**key)).mappings().first()
    if found is None:
        made = connection.execute(insert(table).values(**key, **values))
        return int(cast("tuple[int]", made.inserted_primary_key)[0])
    if any(found[name] != value for name, value in values.items()):
        connection.execute(update(table).where(table.c.id == found["id"]).values(**values))
    return int(found["id"])
