"""Writes into the image what was baked: /opt/mlops/manifest.json and /opt/mlops/sbom.cdx.json (CycloneDX)."""

import json
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packer.provision.lean import weight

TARGET = Path("/opt/mlops")


def python_packages() -> dict[str, str]:
    """Name → version of what this Python has installed."""
    found = {re.sub(r"[-_.]+", "-", each.name).lower(): each.version for each in distributions()}
    return dict(sorted(found.items()))


def system_packages() -> dict[str, str]:
    """Name → version of the operating system's packages, by dpkg or rpm."""
    if shutil.which("dpkg-query"):
        query = ["dpkg-query", "--show", "--showformat", "${Package}\t${Version}\n"]
    else:
        query = ["rpm", "--query", "--all", "--queryformat", "%{NAME}\t%{VERSION}-%{RELEASE}\n"]
    lines = subprocess.run(query, check=True, capture_output=True, text=True).stdout.splitlines()
    return dict(sorted(line.split("\t") for line in lines))


def weights(packages: Path) -> dict[str, int]:
    """Bytes that packages take on the disk, bytecode too: all of them, and of these the OCI SDK."""
    return {"packages": weight(packages), "oci": weight(packages / "oci")}


def manifest(facts: dict[str, str]) -> dict[str, Any]:
    """Everything that says which image this is; `facts` are role, version, commit and lock."""
    system = platform.freedesktop_os_release()
    return {
        **facts,
        "baked_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": f"{system['ID']} {system['VERSION_ID']}",
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "weights": weights(Path(sysconfig.get_path("purelib"))),
        "packages": python_packages(),
        "system_packages": system_packages(),
    }


def bill_of_materials(baked: dict[str, Any]) -> dict[str, Any]:
    """The manifest's packages as a CycloneDX 1.6 document."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(baked, sort_keys=True))}",
        "version": 1,
        "metadata": {
            "timestamp": baked["baked_at"],
            "component": {
                "type": "operating-system",
                "name": f"mlops-{baked['role']}",
                "version": baked["version"],
                "properties": [{"name": f"mlops:{key}", "value": baked[key]} for key in ("commit", "lock")],
            },
        },
        "components": list(_components(baked)),
    }


def _components(baked: dict[str, Any]) -> Iterator[dict[str, str]]:
    system, release = baked["system"].split()
    kind = {"debian": "deb/debian", "ol": "rpm/oraclelinux"}[system]
    for prefix, qualifier, packages in (
        ("pypi", "", baked["packages"]),
        (kind, f"?distro={system}-{release}", baked["system_packages"]),
    ):
        for name, version in packages.items():
            purl = f"pkg:{prefix}/{quote(name)}@{quote(version)}{qualifier}"
            yield {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main(facts: Path) -> None:
    """Write both documents."""
    baked = manifest(json.loads(facts.read_text()))
    (TARGET / "manifest.json").write_text(json.dumps(baked, indent=2))
    (TARGET / "sbom.cdx.json").write_text(json.dumps(bill_of_materials(baked), indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
