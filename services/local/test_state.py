import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.local.environment import LINKS
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


def sentence(read: Callable[[], object]) -> str | None:
    """How reading a state file fails, None when it does not."""
    try:
        read()
    except Failure as failure:
        return str(failure)
    return None


PORTS = st.dictionaries(st.sampled_from([*LINKS.values(), "STRANGER"]), st.integers() | st.text() | st.none())


@given(st.binary() | PORTS.map(lambda ports: json.dumps(ports).encode()))
def test_any_bytes_in_the_ports_file_end_in_a_port_for_each_service_or_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    state = State(tmp_path_factory.mktemp("state"))
    state.folder.mkdir()
    state.ports_file.write_bytes(content)
    failure = sentence(state.ports)
    if failure is None:
        ports = state.ports() or {}
        assert ports.keys() == set(LINKS.values())
        assert all(1024 <= port <= 65535 for port in ports.values())
    else:
        assert "ports.json is corrupt" in failure
        assert "Remedy: " in failure


@pytest.mark.parametrize("port", [0, 80, 70000, None, "five"])
def test_a_port_that_nobody_can_listen_on_makes_the_file_corrupt(state: State, port: object) -> None:
    usable = {key: 5000 + number for number, key in enumerate(LINKS.values())}
    state.keep_ports(usable)
    assert state.ports() == usable
    state.write(state.ports_file, json.dumps(usable | {"AIRFLOW_PORT": port}))
    assert "expected a port for each of MLFLOW_PORT, " in (sentence(state.ports) or "")


@given(st.binary() | st.lists(st.sampled_from(SECRETS)).map(lambda names: "=x\n".join(names).encode()))
def test_any_bytes_in_the_secrets_file_end_in_known_secrets_or_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    state = State(tmp_path_factory.mktemp("state"))
    state.folder.mkdir()
    state.secrets_file.write_bytes(content)
    failure = sentence(state.secrets)
    if failure is None:
        assert state.secrets().keys() <= set(SECRETS)
        assert all(state.secrets().values())
    else:
        assert "secrets.env is corrupt" in failure
        assert "Remedy: " in failure


def test_reset_keeps_the_installed_environments(state: State) -> None:
    (state.folder / "venvs" / "mlflow").mkdir(parents=True)
    state.keep_ports({"MLFLOW_PORT": 5000})
    state.generate_secrets()
    assert {path.name for path in state.erasable()} == {"ports.json", "secrets.env"}
