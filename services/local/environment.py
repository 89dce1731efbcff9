"""Settings of each service on one machine: what first boot writes on an image, from `.local/` instead."""

from collections.abc import Mapping
from pathlib import Path

from services.airflow.role import ROLE as AIRFLOW

HOST = "127.0.0.1"
LINKS = {
    "MLFLOW_TRACKING_URI": "MLFLOW_PORT",
    "AIRFLOW_URL": "AIRFLOW_PORT",
    "MODEL_SERVER_URL": "MODEL_SERVER_PORT",
    "DASHBOARD_URL": "DASHBOARD_PORT",
    "PREDICTION_API_URL": "PREDICTION_API_PORT",
}
"""The variable that holds a service's address → the one that holds its port."""


def urls(ports: Mapping[str, int]) -> dict[str, str]:
    """Where each service is reached."""
    return {url: f"http://{HOST}:{ports[port]}" for url, port in LINKS.items()}


def environments(
    root: Path, ports: Mapping[str, int], secrets: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """The environment of each service, by its name."""
    data = root / ".local" / "data"
    link = urls(ports)

    def mlflow_user(name: str, secret: str) -> dict[str, str]:
        return {
            "MLFLOW_TRACKING_URI": link["MLFLOW_TRACKING_URI"],
            "MLFLOW_TRACKING_USERNAME": name,
            "MLFLOW_TRACKING_PASSWORD": secrets[secret],
        }

    airflow = {
        "AIRFLOW_PORT": str(ports["AIRFLOW_PORT"]),
        "AIRFLOW_HOME": f"{data}/airflow",
        "AIRFLOW_DATABASE_URI": f"sqlite:///{data}/airflow.db",
        "AIRFLOW_DAGS_FOLDER": f"{root}/dags",
        **{key: value for key, value in secrets.items() if key.startswith("AIRFLOW_")},
        **mlflow_user("airflow", "MLFLOW_AIRFLOW_PASSWORD"),
        "MODEL_SERVER_URL": link["MODEL_SERVER_URL"],
    }
    return {
        "mlflow": {
            "MLFLOW_PORT": str(ports["MLFLOW_PORT"]),
            "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{data}/mlflow.db",
            "MLFLOW_AUTH_DATABASE_URI": f"sqlite:///{data}/mlflow-users.db",
            "MLFLOW_ARTIFACTS_DESTINATION": f"{data}/artifacts",
            **{key: value for key, value in secrets.items() if key.startswith("MLFLOW_")},
        },
        **{service.name: airflow for service in AIRFLOW.services},
        "fastapi": {
            "MODEL_SERVER_PORT": str(ports["MODEL_SERVER_PORT"]),
            **mlflow_user("model-server", "MLFLOW_MODEL_SERVER_PASSWORD"),
        },
        "streamlit": {
            "DASHBOARD_PORT": str(ports["DASHBOARD_PORT"]),
            **mlflow_user("dashboard", "MLFLOW_DASHBOARD_PASSWORD"),
            **{key: link[key] for key in ("MODEL_SERVER_URL", "AIRFLOW_URL", "PREDICTION_API_URL")},
        },
        "flask": {
            "PREDICTION_API_PORT": str(ports["PREDICTION_API_PORT"]),
            "MODEL_SERVER_URL": link["MODEL_SERVER_URL"],
        },
    }


def client(ports: Mapping[str, int], secrets: Mapping[str, str]) -> dict[str, str]:
    """What a person's shell needs to use the platform as its administrator."""
    return {
        **urls(ports),
        "MLFLOW_TRACKING_USERNAME": "admin",
        "MLFLOW_TRACKING_PASSWORD": secrets["MLFLOW_ADMIN_PASSWORD"],
        "AIRFLOW_USERNAME": "admin",
        "AIRFLOW_PASSWORD": secrets["AIRFLOW_ADMIN_PASSWORD"],
    }
