from hypothesis import given
from hypothesis import strategies as st

from services.serving.model_server.keys import ApiKeys

KEYS = ApiKeys({"dashboard": "key-one", "tests": "key-two"})


def test_a_key_has_a_name() -> None:
    assert KEYS.are_required
    assert KEYS.name_of("key-one") == "dashboard"
    assert KEYS.name_of("key-two") == "tests"


@given(st.none() | st.text().filter(lambda text: text not in ("key-one", "key-two")))
def test_anything_else_has_none(given_key: str | None) -> None:
    assert KEYS.name_of(given_key) is None


def test_without_keys_none_is_required() -> None:
    assert not ApiKeys({}).are_required
    assert ApiKeys({}).name_of("") is None
