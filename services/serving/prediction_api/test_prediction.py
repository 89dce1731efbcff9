from typing import Any

import pytest

from services.serving.prediction_api.prediction import prediction
from services.serving.prediction_api.problem import Problem

CLASSES = ["Setosa", "Versicolor", "Virginica"]


def answer(raw: Any, **more: Any) -> dict[str, Any]:
    return {"predictions": [raw], "version": "3", "probabilities": None, "classes": None, **more}


def test_class_zero_is_a_class_like_any_other() -> None:
    assert prediction(answer(0, classes=CLASSES, probabilities=[[0.9, 0.1, 0.0]])) == {
        "prediction": "Setosa",
        "class": 0,
        "probabilities": {"Setosa": 0.9, "Versicolor": 0.1, "Virginica": 0.0},
        "model_version": "3",
    }


@pytest.mark.parametrize("raw", [0, 7.25, "spam", False])
def test_without_names_the_raw_value_is_the_prediction(raw: Any) -> None:
    said = prediction(answer(raw))
    assert (said["prediction"], said["class"], said["probabilities"]) == (raw, raw, None)


@pytest.mark.parametrize("raw", [-1, 3, 1.0, "Setosa"])
def test_a_value_that_is_no_class_stays_as_it_is(raw: Any) -> None:
    assert prediction(answer(raw, classes=CLASSES))["prediction"] == raw


def test_probabilities_without_names_are_numbered() -> None:
    assert prediction(answer(1, probabilities=[[0.25, 0.75]]))["probabilities"] == {"0": 0.25, "1": 0.75}


@pytest.mark.parametrize(
    "unexpected",
    [
        {},
        {"predictions": [], "version": "3"},
        {"predictions": [0, 1], "version": "3"},
        {"predictions": [0]},
        answer(0, probabilities="many"),
        answer(0, probabilities=[0.5]),
        answer(0, classes=7),
    ],
)
def test_an_answer_of_another_shape_is_the_model_servers_fault(unexpected: dict[str, Any]) -> None:
    with pytest.raises(Problem) as caught:
        prediction(unexpected)
    assert caught.value.status == 502
