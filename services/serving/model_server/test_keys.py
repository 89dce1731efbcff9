import hmac
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.serving.model_server import keys
from services.serving.model_server.keys import ApiKeys

KEYS = ApiKeys({"dashboard": "key-one", "tests": "key-two"})


def test_a_key_has_a_name() -> None:
    assert KEYS.are_required
    assert KEYS.name_of("key-one") == "dashboard"
    assert KEYS.name_of("key-two") == "tests"


@given(st.none() | st.text().filter(lambda text: text not in ("key-one", "key-two")))
def test_anything_else_has_none(given_key: str | None) -> None:
    assert KEYS.name_of(given_key) is None


def test_every_key_is_compared_in_constant_time_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(key: bytes, candidate: bytes) -> bool:
        compared.append(key)
        return hmac.compare_digest(key, candidate)

    monkeypatch.setattr(keys, "hmac", SimpleNamespace(compare_digest=compare))
    for given_key in ("key-one", "key-two", "neither", None):
        compared.clear()
        KEYS.name_of(given_key)
        assert compared == [b"key-one", b"key-two"]


def test_without_keys_none_is_required() -> None:
    assert not ApiKeys({}).are_required
    assert ApiKeys({}).name_of("") is None
