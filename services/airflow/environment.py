"""Settings in Airflow's own words: its environment variables outweigh any configuration file."""

import json
from pathlib import Path

from services.airflow import mysql
from services.airflow.settings import AirflowSettings

CONFIGURATION = Path(__file__).with_name("airflow.cfg")
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
"""Addresses that a server may listen on and no client can call → one that it can."""

BUCKET_REFRESH_SECONDS = 15
"""Each refresh is one listing."""


def environment(settings: AirflowSettings) -> dict[str, str]:
    """Airflow's variables, secrets among them: for this process's environment, never for a file."""
    own_address = f"http://{ANY_ADDRESS.get(settings.host, settings.host)}:{settings.port}"
    uri = settings.database_uri.get_secret_value()
    dags = _in_bucket(settings.bucket, settings.home) if settings.bucket else _in_folder(settings.dags_folder)
    return {
        "AIRFLOW_HOME": str(settings.home),
        "AIRFLOW_CONFIG": str(CONFIGURATION),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.dags_folder),
        "AIRFLOW__CORE__PARALLELISM": str(settings.parallelism),
        "AIRFLOW__CORE__FERNET_KEY": settings.fernet_key.get_secret_value(),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{own_address}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": uri,
        "AIRFLOW__API__HOST": settings.host,
        "AIRFLOW__API__PORT": str(settings.port),
        "AIRFLOW__API__BASE_URL": str(settings.base_url or own_address),
        "AIRFLOW__API__SECRET_KEY": settings.secret_key.get_secret_value(),
        "AIRFLOW__API_AUTH__JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **dags,
        **(mysql.variables(uri) if mysql.is_mysql(uri) else {}),
    }


def _in_folder(dags: Path) -> dict[str, str]:
    return _bundle("airflow.dag_processing.bundles.local.LocalDagBundle", path=str(dags))


def _in_bucket(bucket: str, home: Path) -> dict[str, str]:
    return {
        **_bundle(
            "services.object_storage.dag_bundle.BucketDagBundle",
            uri=f"{bucket}/dags",
            refresh_interval=BUCKET_REFRESH_SECONDS,
        ),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles"),
        "AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": "services.object_storage.logging_config.LOGGING_CONFIG",
        "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": f"{bucket}/logs",
    }


def _bundle(classpath: str, **arguments: str | int) -> dict[str, str]:
    bundle = {"name": "dags", "classpath": classpath, "kwargs": arguments}
    return {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle])}
