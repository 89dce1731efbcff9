"""What the tracking server needs to know of its machine, and its environment file made of that."""

from typing import ClassVar

from services.boot.contract import Bucket, DatabaseContract, Given, SecretId


class FirstBoot(DatabaseContract):
    """The contract of the role mlflow."""

    databases = ("mlflow", "mlflow_users")
    privileges: ClassVar[tuple[str, ...]] = (
        *("SELECT", "INSERT", "UPDATE", "DELETE"),
        *("CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "TRIGGER"),
    )
    database_variable = "MLFLOW_BACKEND_STORE_URI"
    needs = ("mlflow",)
    prepares = True

    admin_secret: SecretId
    airflow_secret: SecretId
    model_server_secret: SecretId
    dashboard_secret: SecretId
    bucket: Bucket

    def environments(self, given: Given) -> dict[str, dict[str, str]]:
        """One file for the one service."""
        public = self.addresses.public
        hosts = [f"{self.addresses.hosts['mlflow']}:5000", *(f"{host}:5000" for host in public), *public]
        return {
            "mlflow": {
                "MLFLOW_HOST": "0.0.0.0",  # noqa: S104 - the firewall says who may come
                "MLFLOW_BACKEND_STORE_URI": given.databases["mlflow"],
                "MLFLOW_AUTH_DATABASE_URI": given.databases["mlflow_users"],
                "MLFLOW_ARTIFACTS_DESTINATION": f"oci://{self.bucket}/artifacts",
                "MLFLOW_ALLOWED_HOSTS": ",".join(hosts),
                "MLFLOW_ALLOWED_ORIGINS": ",".join(f"https://{host}:5000" for host in public),
                "MLFLOW_SECRET_KEY": given.kept("MLFLOW_SECRET_KEY"),
                "MLFLOW_ADMIN_PASSWORD": given.secrets["admin_secret"],
                "MLFLOW_AIRFLOW_PASSWORD": given.secrets["airflow_secret"],
                "MLFLOW_MODEL_SERVER_PASSWORD": given.secrets["model_server_secret"],
                "MLFLOW_DASHBOARD_PASSWORD": given.secrets["dashboard_secret"],
            }
        }
