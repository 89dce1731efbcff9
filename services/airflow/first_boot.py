"""What Airflow needs to know of its machine, and its environment files made of that."""

from typing import ClassVar

from services.airflow.role import ROLE
from services.boot import derivation
from services.boot.contract import Bucket, DatabaseContract, Given, SecretId


class FirstBoot(DatabaseContract):
    """The contract of the role airflow."""

    databases = ("airflow",)
    privileges: ClassVar[tuple[str, ...]] = (
        *("SELECT", "INSERT", "UPDATE", "DELETE"),
        *("CREATE", "ALTER", "DROP", "INDEX", "REFERENCES"),
    )
    database_variable = "AIRFLOW_DATABASE_URI"
    needs = ("mlflow", "serving")
    prepares = True

    admin_secret: SecretId
    keys_secret: SecretId
    mlflow_secret: SecretId
    model_server_key_secret: SecretId
    bucket: Bucket

    def environments(self, given: Given) -> dict[str, dict[str, str]]:
        """The same for each of the processes: any of them may run what another one does."""
        keys = given.secrets["keys_secret"]
        hosts = self.addresses.hosts
        variables = {
            "AIRFLOW_HOST": "0.0.0.0",  # noqa: S104 - the firewall says who may come
            "AIRFLOW_HOME": str(given.state),
            "AIRFLOW_DATABASE_URI": given.databases["airflow"],
            "AIRFLOW_DAGS_FOLDER": str(given.state / "dags"),
            "AIRFLOW_BUCKET": f"oci://{self.bucket}",
            "AIRFLOW_ADMIN_PASSWORD": given.secrets["admin_secret"],
            "AIRFLOW_SECRET_KEY": derivation.key(keys, "airflow sessions"),
            "AIRFLOW_JWT_SECRET": derivation.key(keys, "airflow tokens"),
            "AIRFLOW_FERNET_KEY": derivation.key(keys, "airflow connections"),
            "MLFLOW_TRACKING_URI": f"http://{hosts['mlflow']}:5000",
            "MLFLOW_TRACKING_USERNAME": "airflow",
            "MLFLOW_TRACKING_PASSWORD": given.secrets["mlflow_secret"],
            "MODEL_SERVER_URL": f"http://{hosts['serving']}:8000",
            "MODEL_SERVER_API_KEY": given.secrets["model_server_key_secret"],
        }
        if self.addresses.public:
            variables["AIRFLOW_BASE_URL"] = f"https://{self.addresses.public[0]}:8080"
        return {service.name: variables for service in ROLE.services}
