import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.local.failure import Failure
from services.local.state import SECRETS, State


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


def test_secrets_are_generated_once_into_a_file_only_its_owner_reads(state: State) -> None:
    first = state.generate_secrets()
    assert set(first) == set(SECRETS)
    assert len(set(first.values())) == len(SECRETS)
    assert state.generate_secrets() == first
    assert stat.S_IMODE(state.secrets_file.stat().st_mode) == 0o600


def test_a_secret_that_a_newer_version_needs_is_added_beside_the_kept_ones(state: State) -> None:
    first = state.generate_secrets()
    lines = state.secrets_file.read_text().splitlines(keepends=True)
    state.write(state.secrets_file, "".join(lines[1:]))
    again = state.generate_secrets()
    assert set(again) == set(SECRETS)
    assert {name: again[name] for name in SECRETS[1:]} == {name: first[name] for name in SECRETS[1:]}


@pytest.mark.parametrize("text", ["garbage", "MLFLOW_ADMIN_PASSWORD=", "STRANGER=1\n", "\0\0\0"])
def test_a_corrupt_secrets_file_is_named_and_kept(state: State, text: str) -> None:
    state.write(state.secrets_file, text)
    with pytest.raises(Failure, match=r"secrets\.env is corrupt: expected .* Remedy: "):
        state.generate_secrets()
    assert state.secrets_file.read_text() == text


@given(st.binary())
def test_any_bytes_in_the_ports_file_end_in_ports_or_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    state = State(tmp_path_factory.mktemp("state"))
    state.folder.mkdir()
    state.ports_file.write_bytes(content)
    try:
        assert state.ports() is not None
    except Failure as failure:
        sentence = str(failure)
    else:
        return
    assert "is corrupt" in sentence
    assert "Remedy: " in sentence


def test_reset_keeps_the_installed_environments(state: State) -> None:
    (state.folder / "venvs" / "mlflow").mkdir(parents=True)
    state.keep_ports({"MLFLOW_PORT": 5000})
    state.generate_secrets()
    assert {path.name for path in state.erasable()} == {"ports.json", "secrets.env"}
