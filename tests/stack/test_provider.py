import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.region.terraform import missing, terraform
from tests.stack import provider_schema
from tests.stack.hcl import STACK, Block, parse, stack

KEPT = json.loads(provider_schema.FILE.read_text())
OURS = [
    block
    for block in stack().blocks
    if block.type in ("resource", "data") and block.labels[0] != "terraform_data"
]

needs_provider = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@pytest.mark.parametrize("block", OURS, ids=lambda block: f"{block.type}.{'.'.join(block.labels)}")
def test_the_provider_knows_every_block_and_attribute(block: Block) -> None:
    schema = KEPT[block.type][block.labels[0]]
    assert provider_schema.faults(block, schema, ".".join(block.labels)) == []


@pytest.mark.parametrize("block", OURS, ids=lambda block: f"{block.type}.{'.'.join(block.labels)}")
def test_what_can_be_tagged_has_the_stacks_tags(block: Block) -> None:
    tags = KEPT[block.type][block.labels[0]]["attributes"].get("freeform_tags", {"given": "unknown"})
    assert ("local.tags" in block.attributes.get("freeform_tags", "")) is (tags["given"] == "optional")


def test_what_the_provider_does_not_know_is_found() -> None:
    text = 'resource "oci_kms_vault" "x" {\n  id = 1\n  colour = "red"\n  key_shape {\n  }\n}\n'
    block = parse(text).blocks[0]
    assert sorted(provider_schema.faults(block, KEPT["resource"]["oci_kms_vault"], "x")) == [
        "x.colour is unknown",
        "x.compartment_id is missing",
        "x.display_name is missing",
        "x.key_shape is unknown",
        "x.vault_type is missing",
    ]


def test_the_kept_schema_is_of_the_types_in_use() -> None:
    assert {kind: sorted(KEPT[kind]) for kind in ("resource", "data")} == provider_schema.used()


def test_the_tested_version_is_the_lower_end_of_the_range() -> None:
    assert f'">= {KEPT["version"]}, < 9.0.0"' in (STACK / "versions.tf").read_text()


@needs_provider
def test_the_kept_schema_is_the_providers() -> None:
    assert provider_schema.generate() == KEPT


@needs_provider
def test_terraform_finds_the_stack_valid(tmp_path: Path) -> None:
    for file in STACK.glob("*.tf"):
        shutil.copy(file, tmp_path)
    for arguments in (["init", "-input=false", "-backend=false"], ["validate"]):
        done = subprocess.run(
            [terraform() or "", f"-chdir={tmp_path}", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(terraform() is None, reason=missing() or "")
def test_the_stack_is_formatted() -> None:
    done = subprocess.run(
        [terraform() or "", "fmt", "-check", "-recursive", str(STACK)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


def test_no_file_of_a_provider_lies_with_the_stack() -> None:
    """A lock's hashes would be those of a local build."""
    assert not [*STACK.glob(".terraform*"), *STACK.glob("*.tfstate*"), *STACK.glob("*.tfvars*")]
