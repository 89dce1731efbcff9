"""The services that the page stands on, shared by the tests of this folder."""

from tests.mlflow_server import server_fixture
from tests.page.serving import champion, model_server, prediction_api

mlflow_server = server_fixture()

__all__ = ["champion", "mlflow_server", "model_server", "prediction_api"]
