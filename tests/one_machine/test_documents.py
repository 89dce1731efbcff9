"""The README's commands, run in its order in a checkout where `make up` ran."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.one_machine.conftest import ROOT, Platform

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_ELSEWHERE = {
    "make up": "the fixture `platform`",
    "make test": "this run",
    "make up MLFLOW_PORT=15000": "test_bad_days.py moves a port, test_ports.py keeps it moved",
    "make down": "test_night.py",
    "make reset": "test_night.py",
    "make logs SERVICE=fastapi": "it never ends by itself; below it is ended after the first lines",
}
"""Commands that the tests of this folder run in another place: the command → where."""


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return [body for name, body in BLOCK.findall(document.read_text()) if name == language]


def commands(block: str) -> list[str]:
    """The lines of a shell block without their comments."""
    return [line.split("  #")[0].strip() for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("language", ["sh", "python"])
def test_both_languages_give_the_same_commands(language: str) -> None:
    english, portuguese = (
        [commands(block) for block in blocks(ROOT / name, language)]
        for name in ("README.md", "README.pt-BR.md")
    )
    assert english == portuguese
    assert english


def test_both_languages_have_the_same_parts_and_links() -> None:
    shapes = []
    for name in ("README.md", "README.pt-BR.md"):
        text = (ROOT / name).read_text()
        links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("README")]
        shapes.append((links, re.findall(r"^(#+|\||- )", text, re.MULTILINE)))
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md"])
def test_every_file_that_the_readme_links_is_there(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


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
