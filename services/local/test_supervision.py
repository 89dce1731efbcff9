import configparser
import shlex
from pathlib import Path

import pytest

from services.local.failure import Failure
from services.local.ports import LocalSettings
from services.local.state import SECRETS, State
from services.local.supervision import Supervisor, configuration
from services.roles import ROLES

PORTS = {field.alias or name: field.default for name, field in LocalSettings.model_fields.items()}


def parsed(root: Path) -> configparser.RawConfigParser:
    secrets = dict.fromkeys(SECRETS, "s3%cret,with=every #thing;")
    parser = configparser.RawConfigParser()
    parser.read_string(configuration(State(root), "supervisor.sock", PORTS, secrets))
    return parser


def test_every_service_of_every_role_is_supervised_in_its_roles_environment() -> None:
    parser = parsed(Path("/checkout"))
    for role in ROLES:
        for service in role.services:
            command = shlex.split(parser[f"program:{service.name}"]["command"])
            python = f"/checkout/.local/venvs/{role.name}/bin/python"
            assert command == [python, "-m", service.module, *service.arguments]


def test_an_odd_path_and_an_odd_secret_reach_supervisord_whole() -> None:
    program = parsed(Path("/my 50% checkout"))["program:mlflow"]
    assert shlex.split(program["command"])[0] == "/my 50%% checkout/.local/venvs/mlflow/bin/python"
    assert 'MLFLOW_SECRET_KEY="s3%%cret,with=every #thing;"' in program["environment"]


def test_a_path_too_long_for_a_socket_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        Failure, match=r"expected one short enough for a socket .* Remedy: clone to a shorter path"
    ):
        Supervisor(State(tmp_path / ("x" * 100)))


def test_nothing_is_running_in_a_checkout_that_was_never_started(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    supervisor = Supervisor(State(tmp_path_factory.mktemp("new")))
    assert not supervisor.running()
    assert supervisor.processes() == []
    supervisor.shutdown()
