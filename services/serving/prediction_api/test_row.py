import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.serving.prediction_api.problem import Problem
from services.serving.prediction_api.row import Row, parse

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
rows = st.lists(scalars, min_size=1) | st.dictionaries(st.text(), scalars, min_size=1)
documents: st.SearchStrategy[Any] = st.recursive(
    scalars | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(rows)
def test_a_row_comes_out_as_it_was_sent(row: Any) -> None:
    assert parse(json.dumps({"data": row}).encode()) == row


@given(st.binary() | documents.map(lambda value: json.dumps({"data": value}).encode()))
def test_any_body_is_a_row_of_finite_values_or_a_sentence(body: bytes) -> None:
    row = said(body)
    if isinstance(row, Problem):
        assert row.status in {400, 422}
        assert row.sentence.endswith(".")
    else:
        values = row.values() if isinstance(row, dict) else row
        assert all(math.isfinite(value) for value in values if isinstance(value, int | float))


def said(body: bytes) -> Row | Problem:
    """The row, or why there is none."""
    try:
        return parse(body)
    except Problem as problem:
        return problem


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "The body is not JSON: Expecting value at line 1, column 1."),
        (b'{"data": [1,]}', 400, "The body is not JSON: "),
        (b'{"data": [NaN]}', 400, "The body is not JSON: NaN is not a JSON value."),
        (b'{"data": ["\xff"]}', 400, "The body is not JSON: it is not UTF-8 text."),
        (b'{"data": [' + b"9" * 5000 + b"]}", 400, "The body is not JSON: a number has too many digits."),
        (b"[" * 60_000, 400, "The body is nested too deeply."),
        (b"[5.1]", 422, "The body must be an object that holds data, "),
        (b'{"row": [5.1]}', 422, "The body must be an object that holds data, "),
        (b'{"data": 5.1}', 422, "data must be a list of values or an object of named values, "),
        (b'{"data": []}', 422, "data is empty; "),
        (b'{"data": [[5.1, 3.5]]}', 422, "data[0] is not a single value; "),
        (b'{"data": {"sepal_length": [1]}}', 422, 'data["sepal_length"] is not a single value; '),
        (b'{"data": [1, 1e400]}', 422, "data[1] is too large for a number."),
        (b'{"data": [1, 1' + b"0" * 400 + b"]}", 422, "data[1] is too large for a number."),
    ],
)
def test_a_bad_body_is_refused_in_a_sentence(body: bytes, status: int, sentence: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(body)
    assert (caught.value.status, caught.value.sentence[: len(sentence)]) == (status, sentence)
