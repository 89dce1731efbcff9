import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.serving.dashboard import table
from services.serving.dashboard.connection import Problem
from services.serving.dashboard.model_server import Input, Prediction, Schema

SCHEMA = Schema(
    "m",
    "1",
    (
        Input("length", "double", required=True, minimum=4.3, maximum=7.9, unit="cm"),
        Input("count", "long", required=True, minimum=None, maximum=None, unit=None),
        Input("note", "string", required=False, minimum=None, maximum=None, unit=None),
    ),
    ("a", "b"),
)


def test_a_file_with_commas_is_read_and_values_have_the_models_types() -> None:
    rows = table.read(b"length,count\n5.1,3\n6,4\n")
    assert table.values(rows, SCHEMA) == [{"length": 5.1, "count": 3}, {"length": 6.0, "count": 4}]


def test_a_brazilian_spreadsheets_file_is_read_and_written_in_its_own_dialect() -> None:
    rows = table.read("\ufefflength;count;espécie\n5,1;3;íris\n".encode())
    assert table.values(rows, SCHEMA) == [{"length": 5.1, "count": 3}]
    assert table.unused(rows, SCHEMA) == ["espécie"]
    written = table.write(rows, [Prediction("a", {"a": 0.75, "b": 0.25})]).decode("utf-8-sig")
    assert (
        written == "length;count;espécie;prediction;probability_a;probability_b\r\n5,1;3;íris;a;0,75;0,25\r\n"
    )


def test_a_file_in_latin_1_is_read() -> None:
    assert table.read("length,espécie\n1,é\n".encode("latin-1")).rows == (("1", "é"),)


def test_missing_columns_are_named() -> None:
    assert table.missing(table.read(b"count\n1\n"), SCHEMA) == ["length"]


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "table.empty"),
        (b"length,count\n", "table.empty"),
        (b"PK\x03\x04\0\0", "table.not_csv"),
        (b"length,length\n1,2\n", "table.doubles"),
        (b"length,count\n1\n", "table.ragged"),
        (b"length\n" + b"1\n" * (table.MAX_ROWS + 1), "table.too_long"),
    ],
)
def test_an_unusable_file_is_a_problem_in_words(content: bytes, key: str) -> None:
    with pytest.raises(Problem) as found:
        table.read(content)
    assert found.value.key == key


def test_bad_cells_are_named_by_row_and_column() -> None:
    rows = table.read(b"length,count\n5.1,3\nabc,3\nnan,3.5\n")
    with pytest.raises(Problem) as found:
        table.values(rows, SCHEMA)
    assert found.value.values["count"] == 3
    assert found.value.values["cells"] == "2 · length · 'abc'\n\n3 · length · 'nan'\n\n3 · count · '3.5'"


def test_the_example_is_a_file_that_the_model_takes() -> None:
    rows = table.read(table.example(SCHEMA))
    assert not table.missing(rows, SCHEMA)
    assert table.values(rows, SCHEMA) == [{"length": 6.1, "count": 0}]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_a_problem(content: bytes) -> None:
    try:
        rows = table.read(content)
    except Problem:
        return
    assert all(len(row) == len(rows.columns) for row in rows.rows)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_come_through_as_they_were(numbers: list[float]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["length", "count"], *([number, 1] for number in numbers)])
    found = table.values(table.read(out.getvalue().encode()), SCHEMA)
    assert [row["length"] for row in found] == numbers
