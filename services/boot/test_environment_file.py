import os
import stat
import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.boot import environment_file

PRINTABLE = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"]) | st.just(" ")
)
NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,20}", fullmatch=True)


def as_systemd_reads(text: str, *, old: bool) -> dict[str, str]:
    """systemd's parser (env-file.c) for quoted values; `old` is version 239, of Oracle Linux 8.

    The two differ in what a backslash in double quotes leaves of itself before an ordinary character.
    """
    found: dict[str, str] = {}
    state, key, value = "key", "", ""
    for character in text:
        match state, character:
            case "key", "=":
                state = "before"
            case "key", _:
                key += character
            case "before", '"':
                state = "quoted"
            case "quoted", '"':
                state = "after"
            case "quoted", "\\":
                state = "escaped"
            case "quoted", _:
                value += character
            case "escaped", _:
                if character not in '"\\`$' and not old:
                    value += "\\"
                value += character
                state = "quoted"
            case "after", "\n":
                found[key.strip()] = value
                state, key, value = "key", "", ""
            case _:
                raise AssertionError(f"{character!r} in state {state}: {text!r}")
    assert state == "key"
    return found


@pytest.mark.parametrize("old", [False, True])
@given(variables=st.dictionaries(NAMES, PRINTABLE))
def test_what_is_written_is_what_systemd_reads(variables: dict[str, str], old: bool) -> None:
    assert as_systemd_reads(environment_file.text(variables), old=old) == variables


@pytest.mark.parametrize("old", [False, True])
def test_every_printable_character_of_ascii_survives(old: bool) -> None:
    every = "".join(character for character in string.printable if character.isprintable())
    variables = {"ALL": every, "TWICE": every + every[::-1]}
    assert as_systemd_reads(environment_file.text(variables), old=old) == variables


@given(variables=st.dictionaries(NAMES, PRINTABLE))
def test_what_is_written_is_read_back(variables: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "service.env")
        assert environment_file.write(path, variables)
        assert environment_file.read(path) == variables
        assert not environment_file.write(path, variables)


@pytest.mark.parametrize("value", ["two\nlines", "a\0b", "bell\a", "tab\t"])
def test_a_value_that_no_line_can_hold_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(ValueError, match="PASSWORD has characters") as refused:
        environment_file.text({"PASSWORD": value})
    assert value not in str(refused.value)


def test_it_is_for_root_and_the_group_of_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "service.env"
    environment_file.write(path, {"A": "1"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_gid == tmp_path.stat().st_gid
    path.chmod(0o666)
    assert environment_file.write(path, {"A": "1"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_a_crash_left_behind_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "service.env"
    left_behind = tmp_path / ".service.env.new"
    left_behind.write_text("half a fi")
    left_behind.chmod(0o666)
    environment_file.write(path, {"A": "1"})
    assert os.listdir(tmp_path) == ["service.env"]  # noqa: PTH208
    assert environment_file.read(path) == {"A": "1"}
