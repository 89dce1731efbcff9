"""The OpenAPI document against the server: whatever is sent, the answer is a documented one."""

from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.serving.model_server.app import create_app
from services.serving.model_server.models_for_tests import IRIS
from services.serving.model_server.settings import ModelServerSettings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


schema = schemathesis.openapi.from_dict(
    create_app(ModelServerSettings(MLFLOW_TRACKING_URI="http://127.0.0.1:9")).openapi()
)


@schema.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_request_has_a_documented_answer(case: Any, server: httpx.Client) -> None:
    case.call_and_validate(base_url=str(server.base_url), checks=CHECKS)


@schema.include(path_regex="^/predict/|schema$|versions$").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_request_for_a_model_that_exists_has_a_documented_answer(case: Any, server: httpx.Client) -> None:
    case.path_parameters = {**case.path_parameters, "name": IRIS}
    if "reference" in case.path_parameters:
        case.path_parameters["reference"] = "1"
    case.call_and_validate(base_url=str(server.base_url), checks=CHECKS)


def test_every_failure_is_documented(server: httpx.Client) -> None:
    document = server.get("/openapi.json").json()
    assert document == schema.raw_schema
    paths = document["paths"]
    for path in ("/predict", "/predict/{name}", "/predict/{name}/{reference}"):
        responses = paths[path]["post"]["responses"]
        assert {"200", "401", "404", "413", "422", "502", "503"} <= responses.keys()
