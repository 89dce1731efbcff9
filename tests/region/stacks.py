"""What Resource Manager keeps of a stack, and what it refuses to keep."""

import base64
import binascii
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from tests.region.errors import invalid

TERRAFORM_VERSION = "1.5.x"
"""The newest that Resource Manager offers; it runs 1.5.7."""

_ZIP_BYTES = 11 * 1024 * 1024
_VARIABLES = 250
_VARIABLE_BYTES = 8192
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass
class Stack:
    """A stack: its zip, its variables and the folder that holds its state."""

    id: str
    compartment: str
    folder: Path
    details: dict[str, Any]
    archive: bytes
    working_directory: str
    variables: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: str = "ACTIVE"

    @property
    def tf_state(self) -> Path:
        return self.folder / "terraform.tfstate"

    def unpack(self, target: Path) -> Path:
        """Unpack the zip below `target`; where Terraform is to run is returned."""
        with zipfile.ZipFile(io.BytesIO(self.archive)) as archive:
            archive.extractall(target)
        return target / self.working_directory


def archive_of(source: Mapping[str, Any]) -> tuple[bytes, str]:
    """The zip that a request brings and its working directory.

    Raises:
        ServiceError: 400 for what Resource Manager does not take.
    """
    if source["configSourceType"] != "ZIP_UPLOAD":
        raise invalid(f"The configSourceType {source['configSourceType']!r} is not one this region reads.")
    try:
        data = base64.b64decode(source["zipFileBase64Encoded"], validate=True)
    except binascii.Error:
        raise invalid("zipFileBase64Encoded is not base64.") from None
    if len(data) > _ZIP_BYTES:
        raise invalid(f"The zip has {len(data)} bytes, at most {_ZIP_BYTES} are allowed.")
    directory = (source.get("workingDirectory") or "").strip("/")
    _check_zip(data, directory)
    return data, directory


def check_variables(variables: Mapping[str, str]) -> None:
    """Raises: ServiceError: 400 for too many variables, a name that is none, or too long a value."""
    if len(variables) > _VARIABLES:
        raise invalid(f"The stack has {len(variables)} variables, at most {_VARIABLES} are allowed.")
    for name, value in variables.items():
        if not _VARIABLE_NAME.fullmatch(name):
            raise invalid(f"The variable name {name!r} is not one that Terraform knows.")
        if (size := len(value.encode())) > _VARIABLE_BYTES:
            raise invalid(f"The variable {name} has {size} bytes, at most {_VARIABLE_BYTES} are allowed.")


def check_version(version: str | None) -> None:
    """Raises: ServiceError: 400 for a Terraform that is not offered."""
    if version not in (None, TERRAFORM_VERSION):
        raise invalid(f"The terraformVersion {version!r} is not supported, only {TERRAFORM_VERSION!r} is.")


def _check_zip(data: bytes, directory: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if broken := archive.testzip():
                raise invalid(f"The zip is damaged at {broken}.")
            paths = [PurePosixPath(name) for name in archive.namelist() if not name.endswith("/")]
            schema = archive.read("schema.yaml") if PurePosixPath("schema.yaml") in paths else None
    except zipfile.BadZipFile:
        raise invalid("The file is not a zip.") from None
    for path in paths:
        if path.is_absolute() or ".." in path.parts:
            raise invalid(f"The zip must not hold {path}: it leads out of its folder.")
        if ".terraform" in path.parts or ".tfstate" in path.name:
            raise invalid(f"The zip must not hold {path}: state and .terraform stay out of it.")
    if not any(path.parent == PurePosixPath(directory) and path.suffix == ".tf" for path in paths):
        raise invalid(f"The zip holds no .tf file in {directory or 'its root'}.")
    if schema is not None:
        _check_schema(schema)


def _check_schema(text: bytes) -> None:
    try:
        schema = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise invalid(f"schema.yaml is not YAML: {error}.") from None
    missing = {"schemaVersion", "variables"} - (schema.keys() if isinstance(schema, dict) else set())
    if missing:
        raise invalid(f"schema.yaml has no {' and no '.join(sorted(missing))}.")
