"""`python -m services.serving.prediction_api` serves the API and the page until SIGTERM."""

from services.serving.prediction_api.server import serve
from services.serving.prediction_api.settings import PredictionApiSettings

if __name__ == "__main__":
    serve(PredictionApiSettings.load())
