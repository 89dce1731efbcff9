import errno
import io
import os
from argparse import Namespace
from pathlib import Path

import pytest

from services.local import __main__ as command
from services.local.failure import Failure
from services.local.state import State


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    state = State(tmp_path_factory.mktemp("local"))
    state.generate_secrets()
    return state


@pytest.mark.parametrize("answer", ["", "n", "delete"])
def test_reset_deletes_nothing_unless_the_answer_is_yes(
    state: State, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    with pytest.raises(Failure, match="Nothing was deleted"):
        command.reset(state, Namespace(yes=False))
    assert state.secrets_file.exists()


@pytest.mark.parametrize("answer", ["y", "Sim"])
def test_reset_asks_before_it_deletes(
    state: State, answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    command.reset(state, Namespace(yes=False))
    assert f"Delete every run, model, log and password below {state.folder}?" in capsys.readouterr().out
    assert not state.secrets_file.exists()


def test_logs_of_an_unknown_service_name_the_known_ones(state: State) -> None:
    with pytest.raises(Failure, match=r"SERVICE is mflow: it has no log yet\. Expected one of mlflow, "):
        command.logs(state, Namespace(service="mflow", once=True))


def test_a_full_disk_is_one_sentence(
    state: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: State) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(state.ports_file))

    monkeypatch.setattr(command, "start", full)
    assert status(state.root, "up", monkeypatch) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{state.ports_file} cannot be used: No space left on device. Remedy: ")


def test_a_file_where_the_folder_belongs_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".local").touch()
    assert status(tmp_path, "up", monkeypatch) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path / '.local'} cannot be used: File exists. Remedy: ")


def status(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of a command in the checkout."""
    monkeypatch.setattr(command, "ROOT", root)
    monkeypatch.setattr("sys.argv", ["services.local", name])
    return command.main()
