"""Whatever is given, it is read as the signature's types or refused with its place; nothing else happens."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

from services.serving.model_server.cells import bounds, shown
from services.serving.model_server.errors import Problem, RefusedError
from services.serving.model_server.models_for_tests import ECHO_INPUTS
from services.serving.model_server.signature import Signature

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-01-02"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = [DataType.integer, DataType.long, DataType.float, DataType.double]


def place(row: int) -> tuple[str | int, ...]:
    return ("body", "data", row)


def one_column(kind: Any, *, required: bool = True, matrix_will_do: bool = False) -> Signature:
    return Signature.of(Schema([ColSpec(kind, "x", required=required)]), matrix_will_do=matrix_will_do)


def read_or_problems(signature: Signature, rows: list[Any]) -> tuple[Any, list[Problem]]:
    try:
        return signature.read(rows, place), []
    except RefusedError as refused:
        return None, refused.problems


def problem_of(signature: Signature, rows: list[Any]) -> Any:
    with pytest.raises(RefusedError) as refused:
        signature.read(rows, place)
    return refused.value.problems[0]


@given(name=st.sampled_from(sorted(name for name, inputs in ECHO_INPUTS.items() if inputs)), data=st.data())
def test_any_json_is_read_or_refused(name: str, data: st.DataObject) -> None:
    specs = ECHO_INPUTS[name]
    names = [spec.name for spec in specs if spec.name] or ["input"]
    row = JSON | st.fixed_dictionaries(dict.fromkeys(names, JSON)) | st.tuples(*[JSON] * len(specs)).map(list)
    rows = data.draw(st.lists(row, min_size=1, max_size=3))
    read, problems = read_or_problems(Signature.of(Schema(specs)), rows)
    if not problems:
        assert len(next(iter(read.values())) if isinstance(read, dict) else read) == len(rows)
    assert len(problems) <= 20
    for problem in problems:
        assert problem["loc"][:2] == ["body", "data"]
        assert problem["msg"].startswith("expected ")
        assert len(problem["msg"]) < 300


@given(
    kind=st.sampled_from(NUMBERS), value=st.integers() | st.floats() | st.booleans() | st.none() | st.text()
)
def test_a_number_is_taken_when_its_type_holds_it(kind: DataType, value: Any) -> None:
    lowest, highest = bounds(kind.to_numpy())
    is_number = type(value) in (int, float)
    fits = is_number and lowest <= value <= highest
    if kind in (DataType.integer, DataType.long) and isinstance(value, float):
        fits = fits and value.is_integer() and abs(value) <= 2**53
    for matrix_will_do in (True, False):
        signature = one_column(kind, matrix_will_do=matrix_will_do)
        if fits:
            read = np.asarray(signature.read([[value]], place))
            assert read.dtype == kind.to_numpy()
            assert read[0, 0] == np.asarray(value).astype(kind.to_numpy())
        else:
            problem = problem_of(signature, [[value]])
            assert problem["loc"] == ["body", "data", 0, "x"]
            assert problem["msg"] == f"expected {kind.name}, got {shown(value)}"


@given(
    st.lists(st.tuples(*[st.floats(-1e9, 1e9) | st.integers(-(2**60), 2**60)] * 3), min_size=1, max_size=5)
)
def test_the_fast_way_gives_what_a_frame_holds(rows: list[tuple[float, ...]]) -> None:
    schema = Schema([ColSpec(DataType.double, name) for name in "abc"])
    given_rows = [list(row) for row in rows]
    fast = Signature.of(schema, matrix_will_do=True).read(given_rows, place)
    frame = Signature.of(schema).read([dict(zip("cba", row[::-1], strict=True)) for row in rows], place)
    pd.testing.assert_frame_equal(frame, pd.DataFrame(given_rows, columns=list("abc"), dtype=float))
    np.testing.assert_array_equal(fast, frame.to_numpy())


def test_what_is_optional_may_be_null_or_absent() -> None:
    schema = Schema([ColSpec(kind, kind.name, required=False) for kind in (*NUMBERS, DataType.string)])
    frame = Signature.of(schema).read([{}, dict.fromkeys(schema.input_names())], place)
    assert frame.isna().all().all()
    assert [frame[kind.name].dtype.kind for kind in NUMBERS] == ["f"] * 4


def test_columns_without_names_are_numbered() -> None:
    signature = Signature.of(Schema([ColSpec(DataType.double), ColSpec(DataType.string)]))
    assert [column.name for column in signature.columns] == ["x0", "x1"]
    assert list(signature.read([[1, "a"], {"x1": "b", "x0": 2}], place).columns) == [0, 1]


def test_an_array_of_rows_has_columns_named_by_the_metadata() -> None:
    schema = Schema([TensorSpec(np.dtype("float64"), (-1, 2))])
    assert [column.name for column in Signature.of(schema).columns] == ["x0", "x1"]
    signature = Signature.of(schema, ["length", "width"])
    np.testing.assert_array_equal(
        signature.read([[1, 2], {"width": 4, "length": 3}], place), [[1, 2], [3, 4]]
    )
    assert problem_of(signature, [[1, "2"]])["loc"] == ["body", "data", 0, "width"]


def test_a_fixed_number_of_rows_is_asked_for() -> None:
    signature = Signature.of(Schema([TensorSpec(np.dtype("float64"), (2, 2))]))
    assert "expected 2 rows, got 1" in problem_of(signature, [[1, 2]])["msg"]


def test_rows_of_different_shapes_are_no_tensor() -> None:
    signature = Signature.of(Schema([TensorSpec(np.dtype("float64"), (-1, -1, 2))]))
    assert "of one shape" in problem_of(signature, [[[1, 2]], [[1, 2], [3, 4]]])["msg"]


def test_only_the_first_problems_are_told() -> None:
    with pytest.raises(RefusedError) as refused:
        one_column(DataType.double).read([["a"]] * 1000, place)
    assert len(refused.value.problems) == 20


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ([1, 2], "a list of 2"),
        ({}, "an object"),
        ("a" * 100, "'" + "a" * 56 + "…'"),
        (10**400, "a number of 401 digits"),
        (math.inf, "inf"),
    ],
)
def test_values_are_shown_in_a_few_words(value: Any, text: str) -> None:
    assert shown(value) == text
