"""What the serving machine needs to know, and the environment files of its three services."""

import json

from services.boot.contract import Contract, Given, SecretId

_ANY = "0.0.0.0"  # noqa: S104 - the firewall says who may come
_MODEL_SERVER = "http://127.0.0.1:8000"


class FirstBoot(Contract):
    """The contract of the role serving. It needs no database."""

    needs = ("mlflow", "airflow")

    model_server_secret: SecretId
    dashboard_secret: SecretId
    airflow_key_secret: SecretId
    dashboard_key_secret: SecretId
    prediction_api_key_secret: SecretId
    clients_key_secret: SecretId

    def environments(self, given: Given) -> dict[str, dict[str, str]]:
        """The model server knows every key, the two others know their own; clients are people's programs."""
        secrets = given.secrets
        mlflow = f"http://{self.addresses.hosts['mlflow']}:5000"
        keys = {
            "airflow": secrets["airflow_key_secret"],
            "dashboard": secrets["dashboard_key_secret"],
            "prediction-api": secrets["prediction_api_key_secret"],
            "clients": secrets["clients_key_secret"],
        }
        return {
            "fastapi": {
                "MODEL_SERVER_HOST": _ANY,
                "MODEL_SERVER_API_KEYS": json.dumps(keys),
                "MLFLOW_TRACKING_URI": mlflow,
                "MLFLOW_TRACKING_USERNAME": "model-server",
                "MLFLOW_TRACKING_PASSWORD": secrets["model_server_secret"],
            },
            "streamlit": {
                "DASHBOARD_HOST": _ANY,
                "MLFLOW_TRACKING_URI": mlflow,
                "MLFLOW_TRACKING_USERNAME": "dashboard",
                "MLFLOW_TRACKING_PASSWORD": secrets["dashboard_secret"],
                "AIRFLOW_URL": f"http://{self.addresses.hosts['airflow']}:8080",
                "MODEL_SERVER_URL": _MODEL_SERVER,
                "MODEL_SERVER_API_KEY": keys["dashboard"],
                "PREDICTION_API_URL": "http://127.0.0.1:8081",
                **self._public_urls(),
            },
            "flask": {
                "PREDICTION_API_HOST": _ANY,
                "PREDICTION_API_PROXIES": "1",
                "MODEL_SERVER_URL": _MODEL_SERVER,
                "MODEL_SERVER_API_KEY": keys["prediction-api"],
            },
        }

    def _public_urls(self) -> dict[str, str]:
        """Where the load balancer lets people's browsers in."""
        if not self.addresses.public:
            return {}
        host = self.addresses.public[0]
        return {
            "MLFLOW_PUBLIC_URL": f"https://{host}:5000",
            "AIRFLOW_PUBLIC_URL": f"https://{host}:8080",
            "MODEL_SERVER_PUBLIC_URL": f"https://{host}:8000",
            "PREDICTION_API_PUBLIC_URL": f"https://{host}",
        }
