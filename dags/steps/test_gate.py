from hypothesis import given
from hypothesis import strategies as st

from steps.evaluation import Comparison
from steps.gate import objection

shares = st.floats(0, 1)


def comparison(candidate: float, champion: float | None = None, error: str | None = None) -> Comparison:
    return Comparison(
        candidate={"accuracy": candidate},
        champion=None if champion is None else {"accuracy": champion},
        champion_version=None if champion is None and error is None else "3",
        champion_error=error,
    )


@given(shares, st.none() | shares, shares)
def test_exactly_a_model_at_the_floor_and_not_worse_than_the_champion_goes_on(
    candidate: float, champion: float | None, floor: float
) -> None:
    good = candidate >= floor and (champion is None or candidate >= champion)
    assert (objection(comparison(candidate, champion), floor) is None) is good


def test_the_objection_names_both_values() -> None:
    assert objection(comparison(0.5), 0.9) == "accuracy 0.5000 is below the floor 0.9000"
    worse = objection(comparison(0.91, 0.97), 0.9)
    assert worse == "accuracy 0.9100 is worse than the champion's 0.9700 (version 3)"


def test_no_number_is_no_pass() -> None:
    assert objection(comparison(float("nan")), 0.9)


def test_a_champion_that_cannot_be_measured_is_for_a_person_to_judge() -> None:
    reason = objection(comparison(0.99, error="KeyError: 'age'"), 0.9)
    assert reason
    assert "version 3" in reason
    assert "KeyError: 'age'" in reason
    assert "move or delete the alias" in reason
