"""What others have learnt to look for, looked for here: by tflint, checkov and actionlint.

`make test-stack` gets the three where it can. They are asked for nothing but what is in this checkout.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.hcl import STACK

ROOT = Path(__file__).parents[2]

EXPLAINED = {
    "CKV_OCI_4": "The instances do encrypt in transit. checkov looks for it in launch_options, where the API "
    "calls it deprecated; the stack sets it where the API reads it, on the instance itself.",
    "CKV_OCI_7": "Nothing listens to events of objects: Airflow lists its bucket by itself.",
    "CKV_OCI_9": "Oracle's own key encrypts the buckets. With a key of the stack, a destroy that keeps the "
    "buckets would delete what alone can read them.",
    "CKV_OCI_21": "Without state, answers would need rules of their own, which let in whatever claims to be "
    "one: a whole range of ports on either side instead of the one port that is asked.",
}
"""What checkov objects to, and why it stays."""


def tool(name: str, folder: str) -> str:
    """Where a tool is: in a folder below .local, or on PATH. Without it the test is skipped."""
    if found := shutil.which(name, path=f"{ROOT / '.local' / folder}:{os.environ['PATH']}"):
        return found
    pytest.skip(f"{name} is neither in .local/{folder} nor on PATH. Remedy: make test-stack, or install it")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False)


def test_tflint_finds_nothing() -> None:
    done = run(tool("tflint", "tools/bin"), f"--chdir={STACK}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_tflint_would_find_what_nobody_uses(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('variable "unused" {}\n')
    done = run(tool("tflint", "tools/bin"), f"--chdir={tmp_path}")
    assert "terraform_unused_declarations" in done.stdout, done.stdout + done.stderr


def test_checkov_finds_what_is_explained_and_nothing_else() -> None:
    command = (tool("checkov", "venvs/checkov/bin"), "--skip-download", "--compact", "--output", "json")
    done = run(*command, "--framework", "terraform", "--directory", STACK)
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert not found["summary"]["parsing_errors"]
    failed = {each["check_id"]: each["check_name"] for each in found["results"]["failed_checks"]}
    assert failed.keys() == EXPLAINED.keys(), failed


def test_actionlint_finds_nothing() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    workflows = sorted(ROOT.glob(".github/workflows/*.yml"))
    done = run(tool("actionlint", "tools/bin"), "-shellcheck", shellcheck, *workflows)
    assert workflows
    assert done.returncode == 0, done.stdout + done.stderr
