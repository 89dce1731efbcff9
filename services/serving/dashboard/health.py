"""Is each service there? Asked all at once, with a short timeout."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from services.serving.dashboard.connection import TRANSPORT
from services.serving.dashboard.settings import DashboardSettings

_TIMEOUT = 2.0


@dataclass(frozen=True)
class Watched:
    """A service: where it is, where its health is read, and where a person opens it."""

    key: str
    url: str
    path: str
    link: str


@dataclass(frozen=True)
class Health:
    """`ready`; `unready`: it answers and says what it lacks; `away`: it does not answer."""

    service: Watched
    state: Literal["ready", "unready", "away"]
    detail: str = ""


def watched(settings: DashboardSettings) -> list[Watched]:
    """The services the overview shows."""
    return [
        Watched(
            "mlflow",
            settings.mlflow_url,
            "/health",
            settings.mlflow_public_url or settings.mlflow_url,
        ),
        Watched(
            "airflow",
            settings.airflow_url,
            "/api/v2/monitor/health",
            settings.airflow_public_url or settings.airflow_url,
        ),
        Watched(
            "model_server",
            settings.model_server_url,
            "/readyz",
            f"{settings.model_server_public_url or settings.model_server_url}/docs",
        ),
        Watched(
            "prediction_api",
            settings.prediction_api_url,
            "/readyz",
            settings.prediction_api_public_url or settings.prediction_api_url,
        ),
    ]


def check(services: list[Watched]) -> list[Health]:
    """The health of each, in the same order, in about as long as the slowest takes."""
    client = httpx.Client(transport=TRANSPORT, timeout=_TIMEOUT)
    with ThreadPoolExecutor(len(services)) as threads:
        return list(threads.map(lambda service: _check(client, service), services))


def _check(client: httpx.Client, service: Watched) -> Health:
    try:
        answer = client.get(service.url + service.path)
    except httpx.HTTPError:
        return Health(service, "away")
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if not answer.is_success:
        return Health(service, "unready", _reason(body) or f"HTTP {answer.status_code}")
    lacking = _lacking(body)
    return Health(service, "unready", ", ".join(lacking)) if lacking else Health(service, "ready")


def _reason(body: Any) -> str:
    return str(body.get("detail") or body.get("status") or "") if isinstance(body, dict) else ""


def _lacking(body: Any) -> list[str]:
    """Airflow answers 200 with a status for each of its processes."""
    if not isinstance(body, dict):
        return []
    return [
        name.replace("_", "-")
        for name, part in body.items()
        if isinstance(part, dict) and part.get("status") == "unhealthy"
    ]
