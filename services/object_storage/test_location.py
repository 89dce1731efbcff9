import pytest

from services.object_storage.location import Location


def test_parts_of_a_location() -> None:
    assert Location.parse("oci://b@n/a/b c/") == Location("b", "n", "a/b c")
    assert Location.parse("oci://b@n") == Location("b", "n", "")


def test_keys_lie_below_the_prefix() -> None:
    location = Location.parse("oci://b@n/root")
    assert location.key("x/y.txt") == "root/x/y.txt"
    assert location.key() == "root"
    assert location.folder("x") == "root/x/"
    assert Location.parse("oci://b@n").folder() == ""


@pytest.mark.parametrize("uri", ["s3://b/p", "oci://b/p", "oci://@n/p", "oci://b@/p", "oci://b@n@m", "b@n"])
def test_anything_else_is_refused_in_words(uri: str) -> None:
    with pytest.raises(ValueError, match=r"expected oci://bucket@namespace/prefix"):
        Location.parse(uri)
