"""Takes out of an installed environment what its code cannot use; run by its own Python.

- The OCI SDK brings a package for each of Oracle's services, 150 times what one role calls. Kept are those
  that the code names, and those that the SDK's core names; the SDK loads each only when it is asked for.
- Tests that packages bring along for themselves.

What is taken out is struck from each distribution's RECORD too, so that it stays true.
"""

import ast
import csv
import io
import re
import shutil
import sysconfig
from collections.abc import Iterable
from pathlib import Path

APP = Path("/opt/mlops/app")
_EXTRAS = {"addons"}
"""Not services, but what needs packages that the SDK does not require."""

_SERVICE = re.compile(r"\boci\.(\w+)")


def unused_services(sdk: Path, code: Iterable[Path]) -> list[Path]:
    """The SDK's packages of services that neither the code nor the SDK's own core names.

    `sdk` is the folder of the package `oci`.
    """
    services = {path.parent.name for path in sdk.glob("*/*_client.py")} | _EXTRAS
    core = [
        path
        for path in sdk.rglob("*.py")
        if path.relative_to(sdk).parts[0] not in services and path != sdk / "__init__.py"
    ]
    used: set[str] = set()
    for file in (*core, *code):
        used |= named(file.read_text(), inside=file.is_relative_to(sdk)) & services
    return sorted(sdk / name for name in services - used)


def named(text: str, *, inside: bool = False) -> set[str]:
    """What a module's text names directly below `oci`; `inside` the SDK also by relative imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {match[1] for alias in node.names if (match := _SERVICE.match(alias.name))}
        elif isinstance(node, ast.ImportFrom):
            if node.module == "oci" or (inside and node.level and not node.module):
                found |= {alias.name for alias in node.names}
            elif node.module and (match := _SERVICE.match(node.module)):
                found.add(match[1])
            elif inside and node.level and node.module:
                found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "oci":
            found.add(node.attr)
    return found


def own_tests(packages: Path) -> list[Path]:
    """Folders named `tests` inside packages; one that is in another is not listed."""
    tests = [path for path in packages.glob("*/**/tests") if path.is_dir()]
    return sorted(path for path in tests if not any(parent in tests for parent in path.parents))


def take_out(packages: Path, folders: Iterable[Path]) -> None:
    """Delete the folders, and strike their files from the RECORDs of the distributions in `packages`."""
    gone = tuple(f"{folder.relative_to(packages).as_posix()}/" for folder in folders)
    for folder in folders:
        shutil.rmtree(folder)
    for record in packages.glob("*.dist-info/RECORD"):
        rows = list(csv.reader(io.StringIO(record.read_text())))
        kept = [row for row in rows if not row[0].startswith(gone)]
        if len(kept) < len(rows):
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(kept)
            record.write_text(text.getvalue())


def weight(folder: Path) -> int:
    """Bytes that the folder's files take on the disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def main() -> None:
    """Make the environment of this Python lean, and say what it weighed and weighs."""
    packages = Path(sysconfig.get_path("purelib"))
    sdk = packages / "oci"
    before = weight(packages), weight(sdk)
    folders = own_tests(packages)
    if sdk.exists():
        folders += unused_services(sdk, APP.rglob("*.py"))
    take_out(packages, folders)
    for name, was, now in zip(("packages", "OCI SDK"), before, (weight(packages), weight(sdk)), strict=True):
        print(f"{name}: {was / 1e6:.0f} MB as installed, {now / 1e6:.0f} MB kept (before bytecode)")


if __name__ == "__main__":
    main()
