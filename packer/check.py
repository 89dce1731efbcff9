"""`python -m packer.check`: the templates as Packer sees them, with whatever Packer this machine has."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from packer import source

LOCAL, OCI = "packer/local.pkr.hcl", "packer/oci.pkr.hcl"
_PLUGIN = "github.com/hashicorp/oracle"
_OLDEST_FOR_OCI = (1, 10)
_SOMEWHERE = {
    "compartment_ocid": "ocid1.compartment.oc1..check",
    "subnet_ocid": "ocid1.subnet.oc1.iad.check",
    "availability_domain": "check:IAD-AD-1",
}


def check() -> str | None:
    """Hold both templates to `packer fmt` and `packer validate`; returns what could not be done, and why.

    Raises:
        subprocess.CalledProcessError: when Packer objects; it has said to what.
    """
    if not shutil.which("packer"):
        return "The templates are not checked by Packer: it is not on PATH. Remedy: install it."
    for template in (LOCAL, OCI):
        _packer("fmt", "-check", "-diff", template)
    with tempfile.TemporaryDirectory() as name:
        key = Path(name) / "key"
        key.write_bytes(_key_of_nothing())
        known = [f"-var-file={source.write(source.roles()[0])}", f"-var=ssh_key={key}"]
        _packer("validate", *known, "-var=ssh_port=22", LOCAL)
        if reason := no_oci():
            return f"{OCI} is not validated: {reason}"
        credentials = Path(name) / "config"
        credentials.write_text(_credentials(key))
        somewhere = {**_SOMEWHERE, "config_file": str(credentials)}
        _packer("validate", *known, *(f"-var={key}={value}" for key, value in somewhere.items()), OCI)
    return None


def no_oci() -> str | None:
    """Why the Packer of this machine cannot read the template for OCI, or None."""
    if not shutil.which("packer"):
        return "Packer is not on PATH. Remedy: install it."
    found = re.search(r"\d+(\.\d+)+", _said("--version"))
    version = tuple(int(part) for part in found[0].split(".")) if found else ()
    if version < _OLDEST_FOR_OCI:
        oldest = ".".join(map(str, _OLDEST_FOR_OCI))
        return f"Packer here is {'.'.join(map(str, version))}: {oldest} or newer is expected."
    if _PLUGIN not in _said("plugins", "installed"):
        return f"Packer's plugin {_PLUGIN} is not installed. Remedy: packer init {OCI}"
    return None


def _packer(*arguments: str) -> None:
    subprocess.run(["packer", *arguments], cwd=source.REPOSITORY, check=True)


def _said(*arguments: str) -> str:
    return subprocess.run(["packer", *arguments], capture_output=True, text=True, check=True).stdout


def _key_of_nothing() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _credentials(key: Path) -> str:
    """Well formed and of nobody: what is checked is the template, nothing is called."""
    fingerprint = ":".join(["00"] * 16)
    settings = {
        "user": "ocid1.user.oc1..check",
        "tenancy": "ocid1.tenancy.oc1..check",
        "region": "us-ashburn-1",
        "fingerprint": fingerprint,
        "key_file": str(key),
    }
    return "\n".join(["[DEFAULT]", *(f"{name}={value}" for name, value in settings.items()), ""])


if __name__ == "__main__":
    try:
        print(check() or "Packer finds no fault with the templates.")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
