"""The provider's schema of what the stack uses: `python -m tests.stack.provider_schema` writes the JSON file.

It is kept so that every block and attribute can be checked where there is no provider: names and types only.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.region.terraform import missing, terraform
from tests.stack.hcl import STACK, stack

FILE = Path(__file__).with_name("provider_schema.json")
PROVIDER = "registry.terraform.io/oracle/oci"
_META = {"count", "for_each", "depends_on", "provider"}
_META_BLOCKS = {"lifecycle", "provisioner", "timeouts"}


def used() -> dict[str, list[str]]:
    """The provider's types in the stack's own blocks, by kind of block."""
    blocks = stack().blocks
    return {
        kind: sorted(
            {
                block.labels[0]
                for block in blocks
                if block.type == kind and block.labels[0] != "terraform_data"
            }
        )
        for kind in ("resource", "data")
    }


def generate() -> dict[str, Any]:
    """Ask the provider.

    Raises: RuntimeError: where Terraform or the provider is missing.
    """
    if reason := missing():
        raise RuntimeError(reason)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "versions.tf").write_text((STACK / "versions.tf").read_text().split("\nprovider")[0])
        _run(folder, "init", "-input=false")
        schemas = json.loads(_run(folder, "providers", "schema", "-json"))["provider_schemas"][PROVIDER]
        version = json.loads(_run(folder, "version", "-json"))["provider_selections"][PROVIDER]
    return {
        "provider": PROVIDER,
        "version": version,
        **{
            kind: {name: _block(schemas[f"{word}_schemas"][name]["block"]) for name in used()[kind]}
            for kind, word in (("resource", "resource"), ("data", "data_source"))
        },
    }


def _block(schema: dict[str, Any]) -> dict[str, Any]:
    """Attributes: type, and a word for those that must, may or cannot be given; blocks: the same again."""
    attributes = {
        name: {"type": attribute["type"], "given": _given(attribute)}
        for name, attribute in schema.get("attributes", {}).items()
    }
    blocks = {
        name: {"required": bool(block.get("min_items")), **_block(block["block"])}
        for name, block in schema.get("block_types", {}).items()
        if name not in _META_BLOCKS
    }
    return {"attributes": attributes, "blocks": blocks}


def _given(attribute: dict[str, Any]) -> str:
    if attribute.get("required"):
        return "required"
    return "optional" if attribute.get("optional") else "computed"


def faults(block: Any, schema: dict[str, Any], where: str, *, top: bool = True) -> list[str]:
    """What of a block the provider does not know, does not take, or misses."""
    found = []
    for name in block.attributes.keys() - (_META if top else set()):
        given = schema["attributes"].get(name, {}).get("given", "unknown")
        if given in ("unknown", "computed"):
            found.append(f"{where}.{name} is {given}")
    inner: list[tuple[str, Any]] = []
    for child in block.blocks:
        if child.type == "dynamic":
            inner.append((child.labels[0], child.of("content")[0]))
        elif not (top and child.type in _META_BLOCKS):
            inner.append((child.type, child))
    for name, child in inner:
        if name in schema["blocks"]:
            found += faults(child, schema["blocks"][name], f"{where}.{name}", top=False)
        else:
            found.append(f"{where}.{name} is unknown")
    there = block.attributes.keys() | {name for name, _ in inner}
    required = [name for name, each in schema["attributes"].items() if each["given"] == "required"]
    required += [name for name, each in schema["blocks"].items() if each["required"]]
    return found + [f"{where}.{name} is missing" for name in required if name not in there]


def _run(folder: str, *arguments: str) -> str:
    command = [terraform() or "terraform", f"-chdir={folder}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    FILE.write_text(json.dumps(generate(), indent=1, sort_keys=True) + "\n")
