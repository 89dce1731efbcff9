"""Whether the model server serves the version that has just become champion, and serves it right."""

import os
import time
from typing import Any

import httpx
import mlflow
import pandas as pd

from steps import Final
from steps.data import split
from steps.dataset import Dataset
from steps.evaluation import predicted
from steps.promotion import Promotion, restore
from steps.registry import CHAMPION, aliases

ROWS = 10
PATIENCE_SECONDS = 60.0
"""How long the server may be away: it is restarted in less."""


class SmokeTestFailed(Final):
    """The served model is not the promoted one; the text says what was found and what champion is now."""


def smoke_test(dataset: Dataset, table: pd.DataFrame, model_uri: str, promotion: Promotion) -> None:
    """Ask for predictions of held-out rows; put the aliases back and raise SmokeTestFailed if wrong."""
    _, held_out = split(dataset, table)
    rows = held_out.sample(min(ROWS, len(held_out)), random_state=0)
    expected, version = predicted(dataset, mlflow.pyfunc.load_model(model_uri), rows), promotion["version"]
    fault = _fault(dataset, CHAMPION, rows, expected, version)
    if fault and aliases(dataset.model).get(CHAMPION) != version:
        # Another version became champion meanwhile: this one is judged by its number.
        fault = _fault(dataset, version, rows, expected, version)
    if fault:
        raise SmokeTestFailed(
            f"Smoke test of version {version} of {dataset.model} failed: {fault}. "
            f"Aliases were put back: {restore(dataset, promotion)}."
        )
    print(f"The model server answers as version {version} of {dataset.model} does.")


def _fault(
    dataset: Dataset, reference: str, rows: pd.DataFrame, expected: list[int], version: str
) -> str | None:
    values = rows[dataset.features].to_numpy().tolist()
    try:
        response = _ask(f"/predict/{dataset.model}/{reference}", {"data": values})
    except httpx.HTTPError as error:
        return f"the model server does not answer ({type(error).__name__}: {error})"
    if response.is_error:
        return f"the model server answered {response.status_code}: {response.text[:300]}"
    try:
        answer: dict[str, Any] = response.json()
        served, labels = str(answer["version"]), list(answer["predictions"])
    except (ValueError, KeyError, TypeError):
        return f"the model server's answer has no version and predictions: {response.text[:300]}"
    if served != version:
        return f"the model server serves version {served}"
    if labels != expected:
        return f"it predicts {labels} where the logged model predicts {expected}"
    return None


def _ask(path: str, body: object) -> httpx.Response:
    key = os.environ.get("MODEL_SERVER_API_KEY")
    headers = {"Cache-Control": "no-cache", **({"X-API-Key": key} if key else {})}
    deadline = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client(base_url=os.environ["MODEL_SERVER_URL"], headers=headers, timeout=30) as client:
        while True:
            try:
                response = client.post(path, json=body)
                if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    return response
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(1)
