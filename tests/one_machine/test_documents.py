"""The README's commands, run in its order in a checkout where `make up` ran."""

import subprocess

from tests.markdown import blocks, commands
from tests.one_machine.conftest import ROOT, Platform

RUN_ELSEWHERE = {
    "make up": "the fixture `platform`",
    "make test": "this run",
    "make up MLFLOW_PORT=15000": "test_bad_days.py moves a port, test_ports.py keeps it moved",
    "make down": "test_night.py",
    "make reset": "test_night.py",
    "make logs SERVICE=fastapi": "it never ends by itself; below it is ended after the first lines",
    "make images": "for a tenancy; tests/images/test_packer.py bakes a role in the region",
    "make stack": "tests/stack/test_publish.py",
    "make region": "it never ends by itself; tests/region/test_main.py",
    "make lint": ".ci/run",
    "make test-images": ".ci/run, as root",
    "make test-stack": ".ci/run, as root",
}
"""Commands that are run in another place: the command → where."""


def test_the_readmes_commands_run(platform: Platform) -> None:
    (script,) = blocks(ROOT / "README.md", "python")
    (platform.folder / "my_model.py").write_text(script)
    lines = [line for block in blocks(ROOT / "README.md", "sh") for line in commands(block)]
    assert set(RUN_ELSEWHERE) < set(lines)
    run = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(line for line in lines if line not in RUN_ELSEWHERE)],
        cwd=platform.folder,
        env=platform.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count('"predictions":[0]') == 3


def test_logs_follow_a_service_until_interrupted(platform: Platform) -> None:
    command = ["timeout", "--signal=INT", "2", "make", "logs", "SERVICE=fastapi"]
    followed = subprocess.run(
        command, cwd=platform.folder, env=platform.environment, capture_output=True, text=True, check=False
    )
    assert followed.stdout
    assert "Traceback" not in followed.stderr
