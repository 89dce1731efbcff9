"""The unmodified `oci` command against the region on loopback."""

import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.region.region import Loopback, Region, User


class Command:
    """Runs `oci` as a user."""

    def __init__(self, command: Path, region: Region, loopback: Loopback, user: User) -> None:
        self.arguments = [str(command), "--config-file", str(region.config_file(user))]
        self.endpoint = loopback.endpoint
        self.environment = {**os.environ, **region.environment}

    def __call__(self, *arguments: str) -> Any:
        done = subprocess.run(
            [*self.arguments, "--endpoint", self.endpoint, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout).get("data") if done.stdout.startswith("{") else done.stdout


@pytest.fixture(scope="module")
def oci_cli(oci_command: Path, region: Region, loopback: Loopback, administrator: User) -> Command:
    return Command(oci_command, region, loopback, administrator)


def test_buckets_by_the_command(oci_cli: Command, region: Region, tmp_path: Path) -> None:
    at = ("--namespace", region.namespace)
    oci_cli("os", "bucket", "create", *at, "--name", "cli", "--compartment-id", region.compartment)
    (tmp_path / "file").write_text("by the command")
    oci_cli("os", "object", "put", *at, "--bucket-name", "cli", "--file", str(tmp_path / "file"))
    listed = oci_cli("os", "object", "list", *at, "--bucket-name", "cli")
    assert [each["name"] for each in listed] == ["file"]
    oci_cli("os", "bucket", "delete", *at, "--name", "cli", "--empty", "--force")
    assert "cli" not in region.object_storage.store.buckets


def test_stacks_by_the_command(oci_cli: Command, region: Region, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "stack.zip", "w") as archive:
        archive.writestr("main.tf", "# nothing")
    made = oci_cli(
        "resource-manager",
        "stack",
        "create",
        *("--compartment-id", region.compartment, "--config-source", str(tmp_path / "stack.zip")),
        *("--variables", json.dumps({"size": "small"})),
    )
    stack = region.resource_manager.stacks[made["id"]]
    assert stack.variables == {"size": "small"}
    assert stack.archive == (tmp_path / "stack.zip").read_bytes()
    listed = oci_cli("resource-manager", "stack", "list", "--compartment-id", region.compartment)
    assert [each["id"] for each in listed] == [made["id"]]
    oci_cli("resource-manager", "stack", "delete", "--stack-id", made["id"], "--force")
    assert made["id"] not in region.resource_manager.stacks
