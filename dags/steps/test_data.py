import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.data import InvalidData, split, validate
from steps.iris import DATASET

TABLE = DATASET.load()


def test_the_seed_data_keeps_its_own_rules() -> None:
    validate(DATASET, TABLE)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (TABLE.drop(columns="petal_width"), "expected are sepal_length, sepal_width"),
        (TABLE.assign(sepal_length="long"), "Column sepal_length holds"),
        (TABLE.assign(sepal_length=TABLE.sepal_length.mask(TABLE.index < 2)), "lacks a value in 2 rows"),
        (TABLE.assign(petal_width=254.0), "holds 254 cm (and 149 more such values); expected are 0.01 to 10"),
        (TABLE.assign(petal_width=np.inf), "Column petal_width holds inf cm"),
        (TABLE.assign(species=TABLE.species + 1), "holds the classes [3]; expected are 0 to 2"),
        (TABLE[TABLE.species != 1], "Class Versicolor has 0 rows to learn from"),
        (TABLE.head(0), "Class Setosa has 0 rows"),
    ],
)
def test_a_broken_rule_is_told_with_what_was_expected(table: pd.DataFrame, expected: str) -> None:
    with pytest.raises(InvalidData, match="The data of iris cannot be used") as caught:
        validate(DATASET, table)
    assert expected in str(caught.value)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            *[st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3), st.booleans())] * 5
        ),
        max_size=4,
    )
)
def test_any_table_is_accepted_or_refused_with_a_sentence(rows: list[tuple[object, ...]]) -> None:
    table = pd.DataFrame(rows, columns=[*DATASET.features, DATASET.target])
    with pytest.raises(InvalidData):  # four rows are always too few
        validate(DATASET, table)


@settings(deadline=None)
@given(st.permutations(range(len(TABLE))), st.integers(10, len(TABLE)))
def test_a_row_stays_on_its_side_however_the_table_is_sorted_or_grows(order: list[int], size: int) -> None:
    held_out = set(split(DATASET, TABLE)[1].itertuples(index=False, name=None))
    some = TABLE.iloc[order[:size]]
    for rows, expected in zip(split(DATASET, some), (False, True), strict=True):
        assert all((row in held_out) is expected for row in rows.itertuples(index=False, name=None))
    assert sum(map(len, split(DATASET, some))) == size
