"""The prediction API on a real model server with a real registry."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.serving.prediction_api.app import OPENAPI
from tests.page.serving import KEY


@pytest.fixture
def http(prediction_api: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prediction_api, trust_env=False, timeout=60) as client:
        yield client


def test_the_first_class_is_a_prediction_with_its_name_and_probabilities(http: httpx.Client) -> None:
    answer = http.post("/predict", json={"data": [5.1, 3.5, 1.4, 0.2]})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["prediction"], said["class"], said["model_version"]) == ("Setosa", 0, "1")
    assert list(said["probabilities"]) == ["Setosa", "Versicolor", "Virginica"]
    assert sum(said["probabilities"].values()) == pytest.approx(1)


def test_values_may_be_named_in_any_order(http: httpx.Client) -> None:
    row = {"petal_width": 2.0, "petal_length": 5.6, "sepal_length": 6.5, "sepal_width": 3}
    assert http.post("/predict", json={"data": row}).json()["prediction"] == "Virginica"


def test_the_model_is_described(http: httpx.Client) -> None:
    model = http.get("/model").json()
    assert (model["name"], model["version"]) == ("iris-classifier", "1")
    assert model["classes"] == ["Setosa", "Versicolor", "Virginica"]
    first = {
        "name": "sepal_length",
        "type": "double",
        "required": True,
        "minimum": 4.3,
        "maximum": 7.9,
        "unit": "cm",
    }
    assert model["inputs"][0] == first


def test_readiness_is_the_model_servers(http: httpx.Client) -> None:
    assert http.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([5.1, 3.5, "abc", 0.2], ["petal_length", "abc"]),
        (
            {"sepal_length": 5.1, "sepal_width": None, "petal_length": 1.4, "petal_width": 0.2},
            ["sepal_width"],
        ),
        ({"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4}, ["petal_width"]),
        ([5.1, 3.5, 1.4], ["3"]),
        (["\ud800", 1, 1, 1], []),
    ],
)
def test_the_model_servers_words_on_a_column_are_passed_on(
    http: httpx.Client, data: object, words: list[str]
) -> None:
    answer = http.post("/predict", content=json_of(data), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert all(word in answer.json()["error"] for word in words)


def json_of(data: object) -> bytes:
    """The body, escaped to ASCII."""
    return json.dumps({"data": data}).encode()


def test_the_key_is_never_told(http: httpx.Client) -> None:
    for path in ("/", "/model", "/readyz", "/openapi.json", "/nothing"):
        answer = http.get(path)
        assert KEY not in answer.text + str(answer.headers)


document = schemathesis.openapi.from_dict(json.loads(OPENAPI))


@document.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_sent_the_answer_is_as_documented(case: "Case[Any]", prediction_api: str) -> None:
    case.call_and_validate(
        base_url=prediction_api,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
        ],
    )
