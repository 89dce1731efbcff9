"""Loaded models say exactly what their makers' models say of a data frame."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.serving.model_server.loading import load
from services.serving.model_server.model import Model
from services.serving.model_server.models_for_tests import COLUMNS, IRIS
from services.serving.model_server.registry import Registry
from services.serving.model_server.settings import ModelServerSettings

# What a model's libraries warn about is for who made it; in the server it is no error either.
pytestmark = pytest.mark.filterwarnings("ignore")

NAMES = [IRIS, "forest", "scaled"]


@pytest.fixture(scope="module")
def loaded(trained: dict[str, Any], registry_environment: dict[str, str]) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in registry_environment.items():
            patch.setenv(name, value)
        registry = Registry(ModelServerSettings.load())
        return {name: load(registry, registry.resolve(name, "1")) for name in (*NAMES, "mixed")}


def place(row: int) -> tuple[str | int, ...]:
    return ("body", "data", row)


ROWS = st.lists(st.tuples(*[st.floats(0, 10)] * 4).map(list), min_size=1, max_size=6)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_is_to_the_bit_the_model_s_own_of_a_frame(
    name: str, loaded: dict[str, Model], trained: dict[str, Any]
) -> None:
    model, original = loaded[name], trained[name]

    @given(rows=ROWS)
    @settings(max_examples=50, deadline=None)
    def same(rows: list[list[float]]) -> None:
        frame = pd.DataFrame(rows, columns=COLUMNS)
        ((labels, probabilities),) = model.infer_each([model.read(rows, place)])  # type: ignore[misc]
        assert labels == original.predict(frame).tolist()
        assert probabilities == original.predict_proba(frame).tolist()

    same()


@pytest.mark.parametrize("name", NAMES)
def test_requests_answered_together_are_answered_as_alone(name: str, loaded: dict[str, Model]) -> None:
    model = loaded[name]

    @given(requests=st.lists(ROWS, min_size=2, max_size=5))
    @settings(max_examples=50, deadline=None)
    def same(requests: list[list[list[float]]]) -> None:
        inputs = [model.read(rows, place) for rows in requests]
        for together, given_input in zip(model.infer_each(inputs), inputs, strict=True):
            (alone,) = model.infer_each([given_input])
            assert isinstance(together, tuple)
            assert isinstance(alone, tuple)
            assert together[0] == alone[0]
            # A matrix product may round its last bit otherwise for another number of rows.
            np.testing.assert_allclose(together[1], alone[1], rtol=1e-12, atol=1e-15)

    same()


def test_a_frame_is_made_only_for_a_model_that_looks_at_columns_by_name(loaded: dict[str, Model]) -> None:
    assert isinstance(loaded[IRIS].read([[1, 2, 3, 4]], place), np.ndarray)
    assert isinstance(loaded["mixed"].read([[1, 2, 3, 4, "blue"]], place), pd.DataFrame)


def test_only_arrays_of_plain_models_are_predicted_together(loaded: dict[str, Model]) -> None:
    assert loaded["forest"].rows_are_independent
    assert not loaded["mixed"].rows_are_independent


def test_one_bad_request_does_not_spoil_the_others(loaded: dict[str, Model]) -> None:
    model = loaded[IRIS]
    good = model.read([[5.1, 3.5, 1.4, 0.2]], place)
    outcomes = model.infer_each([good, np.full((1, 4), np.nan)])
    assert isinstance(outcomes[0], tuple)
    assert "refused the data" in str(outcomes[1])
