"""The gate: what is run on any machine, in CI and by hand is the same."""

import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()


def test_ci_runs_what_the_gate_runs_without_root_and_nothing_of_its_own() -> None:
    steps = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["check"]["steps"]
    gate = re.findall(r"^make .+$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert [step["run"] for step in steps if "run" in step] == gate == ["make lint", "make test"]


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
