"""MLflow's newest schemas."""

from pathlib import Path

from services.final_schema import FinalSchema

_FOLDER = Path(__file__).parent / "sql"
TRACKING = FinalSchema(_FOLDER, "tracking", "alembic_version")
USERS = FinalSchema(_FOLDER, "users", "alembic_version_auth")
