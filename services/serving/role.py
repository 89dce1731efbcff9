"""Model server, dashboard, and the prediction API with its web page."""

from services.role import Role, Service

ROLE = Role(
    name="serving",
    services=(
        Service("fastapi", "services.serving.model_server", port=8000, health="/healthz"),
        Service("streamlit", "services.serving.dashboard", port=8501, health="/_stcore/health"),
        Service("flask", "services.serving.prediction_api", port=8081, health="/healthz"),
    ),
)
