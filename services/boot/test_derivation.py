from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from services.boot import derivation


@given(secret=st.text(min_size=1))
def test_a_key_is_one_that_fernet_takes(secret: str) -> None:
    Fernet(derivation.key(secret, "airflow connections"))


def test_each_purpose_has_a_key_of_its_own() -> None:
    keys = {derivation.key(secret, purpose) for secret in ("a", "b") for purpose in ("x", "y")}
    assert len(keys) == 4


def test_a_replaced_machine_reads_what_the_old_one_wrote() -> None:
    # A change of this value would make every stored connection unreadable.
    expected = "WNVg41sAYKvSASAPPh11UjWTaFDOJ53binIwVwKq6Xg="  # pragma: allowlist secret
    assert derivation.key("secret", "airflow connections") == expected
