"""The roles of the platform. A role is one folder and one line here; to remove it, delete both."""

from services.airflow.role import ROLE as AIRFLOW
from services.mlflow.role import ROLE as MLFLOW
from services.role import Role
from services.serving.role import ROLE as SERVING

ROLES: tuple[Role, ...] = (
    MLFLOW,
    AIRFLOW,
    SERVING,
)
