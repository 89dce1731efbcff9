"""The model server, as the prediction API calls it."""

import json
import logging
from typing import Any
from urllib.parse import quote

import httpx

from services.serving.prediction_api.problem import Problem
from services.serving.prediction_api.row import Row
from services.serving.prediction_api.settings import PredictionApiSettings

CONNECTIONS = 16
TIMEOUT = httpx.Timeout(
    connect=2,
    write=5,
    # The first prediction of a new version waits until its files are there.
    read=30,
    # With every connection busy, say so instead of queueing: the other threads stay free for the rest.
    pool=1,
)
AWAY_SECONDS = 5
NO_CHAMPION_SECONDS = 30

log = logging.getLogger(__name__)


class ModelServer:
    """A client for one model; safe to share between threads.

    Every method raises Problem: 422 when the values do not fit the model, 503 when the model
    server is away or the model has no champion, 502 when it answers what nobody expects.
    """

    def __init__(self, settings: PredictionApiSettings) -> None:
        key = settings.model_server_api_key
        self._model = quote(settings.model, safe="")
        self._name = settings.model
        self._client = httpx.Client(
            base_url=str(settings.model_server_url),
            headers={"X-API-Key": key.get_secret_value()} if key else {},
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            # A proxy of the environment would be handed the key.
            trust_env=False,
        )

    def schema(self) -> dict[str, Any]:
        """The champion's columns and classes, as the model server describes them."""
        return self._ask("GET", f"models/{self._model}/versions/champion/schema")

    def predict(self, row: Row) -> dict[str, Any]:
        """The champion's answer for one row: `predictions`, `probabilities`, `classes`, `version`."""
        # Escaped to ASCII: half a surrogate pair cannot be encoded, and is the model server's to refuse.
        return self._ask("POST", f"predict/{self._model}", json.dumps({"data": [row]}).encode())

    def check(self) -> None:
        """Return when the model server is ready."""
        self._ask("GET", "readyz")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, method: str, path: str, content: bytes | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if content else {}
        try:
            answer = self._client.request(method, path, content=content, headers=headers)
        except httpx.PoolTimeout:
            raise away("The model server is busy; try again shortly.") from None
        except httpx.TransportError as error:
            log.warning("the model server cannot be reached: %s", type(error).__name__)
            raise away("The model server cannot be reached; try again shortly.") from None
        if answer.is_success:
            return _document(answer)
        raise self._problem(answer)

    def _problem(self, answer: httpx.Response) -> Problem:
        match answer.status_code:
            case 400 | 422:
                return invalid(answer)
            case 404:
                sentence = f"The model {self._name} has no champion yet; train and promote a version first."
                return Problem(503, "no_champion", sentence, retry_after=NO_CHAMPION_SECONDS)
            case 429 | 503 | 504:
                wait = answer.headers.get("Retry-After", "")
                seconds = int(wait) if wait.isascii() and wait.isdigit() else AWAY_SECONDS
                return away("The model server is not ready; try again shortly.", seconds)
            case 401 | 403:
                log.error("the model server refuses the key; set MODEL_SERVER_API_KEY to one of its keys")
                return unexpected("The model server refuses this service.")
            case 502:
                log.error("the model server cannot use the champion: %s", _document(answer).get("detail"))
                return unexpected("The model server cannot use the champion; its log says why.")
            case status:
                log.error("the model server answered %s with status %d", answer.request.url.path, status)
                return unexpected()


def away(sentence: str, seconds: int = AWAY_SECONDS) -> Problem:
    """503: the model server does not answer now."""
    return Problem(503, "model_server_away", sentence, retry_after=seconds)


def unexpected(sentence: str = "The model server answered something unexpected.") -> Problem:
    """502: the model server answers, but not as agreed."""
    return Problem(502, "model_server_error", sentence)


def invalid(answer: httpx.Response) -> Problem:
    """422 with the model server's own words on each column."""
    detail = _document(answer).get("detail")
    if isinstance(detail, str):
        return Problem(422, "invalid_data", detail)
    fields: dict[str, str] = {}
    sentences: list[str] = []
    for item in detail if isinstance(detail, list) else ():
        # The location of a value: body, data, number of the row, column.
        match item:
            case {"msg": str(message), "loc": ["body", "data", int(), str(column), *_]}:
                fields.setdefault(column, message)
                sentences.append(f"{column}: {message}")
            case {"msg": str(message)}:
                sentences.append(message)
    if not sentences:
        return unexpected()
    return Problem(422, "invalid_data", "; ".join(sentences), fields)


def _document(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        log.error("the model server answered %s with no JSON object", answer.request.url.path)
        raise unexpected()
    return document
