"""Airflow with LocalExecutor: four processes, so that each can be supervised by itself."""

from services.role import Role, Service

ROLE = Role(
    name="airflow",
    services=(
        Service(
            "airflow-api-server",
            "services.airflow",
            ("api-server",),
            port=8080,
            health="/api/v2/monitor/health",
        ),
        Service("airflow-scheduler", "services.airflow", ("scheduler",)),
        Service("airflow-dag-processor", "services.airflow", ("dag-processor",)),
        Service("airflow-triggerer", "services.airflow", ("triggerer",)),
    ),
)
