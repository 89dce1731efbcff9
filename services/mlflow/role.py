"""Tracking server, model registry and artifact proxy."""

from services.role import Role, Service

ROLE = Role(
    name="mlflow",
    services=(Service("mlflow", "services.mlflow", port=5000, health="/health"),),
)
