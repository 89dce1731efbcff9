import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.local.failure import Failure
from services.local.ports import chosen_ports
from services.local.state import State

KEYS = ("MLFLOW_PORT", "AIRFLOW_PORT", "MODEL_SERVER_PORT", "DASHBOARD_PORT", "PREDICTION_API_PORT")


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


@pytest.fixture
def free_ports(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in KEYS]
    ports = {key: opened.getsockname()[1] for key, opened in zip(KEYS, sockets, strict=True)}
    for opened in sockets:
        opened.close()
    for key, port in ports.items():
        monkeypatch.setenv(key, str(port))
    return ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_ports_once_moved_stay_moved(
    state: State, free_ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    state.keep_ports(chosen_ports(state, running=False))
    for key in KEYS:
        monkeypatch.delenv(key)
    assert chosen_ports(state, running=False) == free_ports


def test_a_taken_port_is_named_with_its_holder_and_another_port(
    state: State, free_ports: dict[str, int], taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_PORT", str(taken))
    with pytest.raises(
        Failure, match=rf"MLFLOW_PORT is {taken}: expected a free port, but .*python.* listens"
    ):
        chosen_ports(state, running=False)


def test_two_services_cannot_share_a_port(
    state: State, free_ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_PORT", str(free_ports["MLFLOW_PORT"]))
    with pytest.raises(Failure, match="expected a port of its own"):
        chosen_ports(state, running=False)


def test_a_running_platform_is_not_moved(
    state: State, free_ports: dict[str, int], taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.keep_ports(free_ports)
    monkeypatch.setenv("MLFLOW_PORT", str(taken))
    with pytest.raises(Failure, match=r"where the platform runs\. Remedy: `make down` first"):
        chosen_ports(state, running=True)


@pytest.mark.parametrize("value", ["80", "70000", "five", ""])
def test_an_unusable_port_is_one_sentence_and_the_exit_status_of_bad_settings(
    state: State, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_PORT", value)
    with pytest.raises(SystemExit) as stop:
        chosen_ports(state, running=False)
    assert stop.value.code == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"MLFLOW_PORT is {value!r}: ")
    assert "Remedy: choose a free port" in line
