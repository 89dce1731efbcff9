"""The gate: what is run on any machine, in CI and by hand is the same."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.region.terraform import VERSION

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()
GATE = (ROOT / ".ci/run").read_text()
AS_ROOT = 'sudo --preserve-env env "PATH=$PATH" '
PACKAGES = "sudo apt-get update && sudo apt-get install --yes "


def steps(workflow: str, job: str) -> list[dict[str, Any]]:
    jobs = yaml.safe_load((ROOT / f".github/workflows/{workflow}.yml").read_text())["jobs"]
    found: list[dict[str, Any]] = jobs[job]["steps"]
    return found


def test_ci_runs_what_the_gate_runs_and_nothing_of_its_own() -> None:
    packages, *runs = [step["run"] for step in steps("ci", "check") if "run" in step]
    assert set(packages.removeprefix(PACKAGES).split()) < set(re.findall(r"\]=([\w-]+)", GATE))
    gate = re.findall(r"^ *(make .+)$", GATE, re.MULTILINE)
    assert [run.removeprefix(AS_ROOT) for run in runs] == gate
    assert gate == ["make lint", "make test", "make test-images test-stack"]


def test_a_release_is_made_by_targets_alone() -> None:
    runs = [step["run"] for step in steps("release", "stack") if "run" in step]
    assert runs == ["make stack", "make publish"]


def test_what_needs_images_bakes_each_once_a_call() -> None:
    said = subprocess.run(
        ["make", "--dry-run", "test-images", "test-stack"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.count("make image-local") == 1
    assert re.findall(r"-m pytest .*", said) == [
        "-m pytest -m root --capture=no services packer tests/images",
        "-m pytest --capture=no tests/region tests/stack",
    ]


@pytest.mark.skipif(not shutil.which("flock"), reason="there is no flock: makes at once are not kept apart")
def test_two_makes_at_once_install_an_environment_once(tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\necho "$1" >> asked\nsleep 0.5\n[ "$1" = pip ] || mkdir .local/venvs/dev\n')
    uv.chmod(0o755)
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/requirements.lock").touch()
    make = ["make", f"UV={uv}", ".local/venvs/dev/.installed"]
    both = [subprocess.Popen(make, cwd=tmp_path) for _ in range(2)]
    assert [each.wait(30) for each in both] == [0, 0]
    assert (tmp_path / "asked").read_text().split() == ["venv", "pip"]


def test_one_version_of_terraform_is_meant_everywhere() -> None:
    terraform = next(step for step in steps("ci", "check") if "setup-terraform" in step.get("uses", ""))
    assert terraform["with"]["terraform_version"] == VERSION
    assert re.findall(r"Terraform v([\d.]+)", GATE) == re.findall(r"terraform@v(\S+)", MAKEFILE) == [VERSION]


def test_no_hook_is_cloned_or_installed_when_it_runs() -> None:
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {source["repo"] for source in configuration["repos"]} == {"local"}
    assert {hook["language"] for source in configuration["repos"] for hook in source["hooks"]} == {"system"}


def test_help_has_a_line_for_each_target_in_the_groups_of_the_makefile() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for_people, _, _ = MAKEFILE.partition("# What the targets above stand on.")
    assert re.findall(r"^  make (\S+) +\S", listed, re.MULTILINE) == re.findall(
        r"^\.PHONY: (\S+)$", for_people, re.MULTILINE
    )
    assert re.findall(r"^\S.*$", listed, re.MULTILINE) == re.findall(r"^##@ (.+)$", MAKEFILE, re.MULTILINE)
