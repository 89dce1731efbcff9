"""The database made ready without loading Airflow, which takes longer than all that is done here."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
    update,
)
from werkzeug.security import check_password_hash, generate_password_hash

from services.airflow.settings import AirflowSettings
from services.final_schema import FinalSchema, load, locked, revision_of

_FOLDER = Path(__file__).parent / "sql"
AIRFLOW = FinalSchema(_FOLDER, "airflow", "alembic_version")
FAB = FinalSchema(_FOLDER, "fab", "alembic_version_fab")
"""With the roles, and what each may do."""

_METADATA = MetaData()
_USERS = Table(
    "ab_user",
    _METADATA,
    Column("id", Integer, primary_key=True),
    *(Column(name, String) for name in ("first_name", "last_name", "username", "password", "email")),
    Column("active", Integer),
    *(Column(name, DateTime) for name in ("created_on", "changed_on")),
)
_ROLES = Table("ab_role", _METADATA, Column("id", Integer, primary_key=True), Column("name", String))
_HELD = Table(
    "ab_user_role",
    _METADATA,
    Column("id", Integer, primary_key=True),
    *(Column(name, Integer) for name in ("user_id", "role_id")),
)


def is_ready(settings: AirflowSettings) -> bool:
    """Whether the schema is the newest, and roles are what this Airflow has; an empty database is made so.

    False means no more than that Airflow has to look.

    Raises:
        LookupError: when the database is somebody else's.
    """
    engine = create_engine(settings.database_uri.get_secret_value())
    try:
        with locked(engine) as connection:
            found = {schema: revision_of(connection, schema) for schema in (AIRFLOW, FAB)}
            if any(revision not in (None, schema.revision) for schema, revision in found.items()):
                return False
            load(connection, [AIRFLOW, FAB])
    finally:
        engine.dispose()
    return found[FAB] is None or _mark(settings).exists()


def note_ready(settings: AirflowSettings) -> None:
    """Note that roles are what this Airflow has, so that the next time nobody has to look."""
    _mark(settings).touch()


def ensure_administrator(settings: AirflowSettings) -> None:
    """Make the user with FAB's role Admin, or give it the password that the settings hold now."""
    engine = create_engine(settings.database_uri.get_secret_value())
    try:
        with engine.begin() as connection:
            _ensure(connection, settings.admin_username, settings.admin_password.get_secret_value())
    finally:
        engine.dispose()


def _ensure(connection: Connection, name: str, password: str) -> None:
    user = connection.execute(select(_USERS).where(_USERS.c.username == name)).first()
    if user is None:
        now = datetime.now(UTC).replace(tzinfo=None)
        user_id = connection.execute(
            insert(_USERS).values(
                first_name=name,
                last_name="",
                username=name,
                password=generate_password_hash(password),
                email=f"{name}@localhost",
                active=1,
                created_on=now,
                changed_on=now,
            )
        ).inserted_primary_key
        role = connection.execute(select(_ROLES.c.id).where(_ROLES.c.name == "Admin")).scalar_one()
        connection.execute(insert(_HELD).values(user_id=user_id[0] if user_id else None, role_id=role))
    elif not check_password_hash(user.password, password):
        hashed = generate_password_hash(password)
        connection.execute(update(_USERS).where(_USERS.c.id == user.id).values(password=hashed))


def _mark(settings: AirflowSettings) -> Path:
    """A file that is there when the database was made ready by this very version of Airflow's roles."""
    return settings.home / f"{FAB.package.replace(' ', '-')}.ready"
