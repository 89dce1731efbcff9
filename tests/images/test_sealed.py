"""Images as they lie in dist/images, before any machine has booted one."""

import json
import subprocess
from pathlib import Path

import pytest

from packer import source
from services.roles import ROLES
from tests.images.site import image

pytestmark = pytest.mark.root

_LOOK = """
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/disk,workdir=$2/work" "$2/root"
for folder in dev proc; do mount --rbind "/$folder" "$2/root/$folder"; done
exec chroot "$2/root" /bin/bash
"""
PLANTED = {
    "etc/hostname": "the identity of a machine",
    "etc/machine-id": "the identity of a machine",
    "var/lib/cloud/instance": "the identity of a machine",
    "etc/ssh/ssh_host_ed25519_key": "a host key",
    "home/opc/.ssh/authorized_keys": "an authorized key",
    "root/.ssh/id_ed25519": "a private key",
    "root/.bash_history": "shell history",
    "var/log/cloud-init.log": "a log",
    "etc/mlops/mlflow.env": "the settings or state of an installation",
    "var/lib/mlops/airflow.db": "the settings or state of an installation",
    "usr/bin/gcc": "a compiler",
    "var/cache/dnf/packages": "a cache",
    "root/.cache": "a cache",
    "tmp/source.tar": "the bake's own file",
}
"""What must not be left in an image, and what the look at it calls that."""


def look(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the bake's last look at a root, with what lies in the folder's `disk` over it."""
    for name in ("disk", "work", "root"):
        (folder / name).mkdir(exist_ok=True)
    with (source.REPOSITORY / "packer/provision/hygiene").open() as script:
        return subprocess.run(
            ["unshare", "--mount", "sh", "-ec", _LOOK, "sh", str(root), str(folder)],
            stdin=script,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_an_image_has_nothing_of_a_machine_in_it(role: str, tmp_path: Path) -> None:
    looked = look(image(role), tmp_path)
    assert (looked.returncode, looked.stderr) == (0, "")


@pytest.mark.parametrize("path", PLANTED)
def test_what_must_not_be_in_an_image_is_found(path: str, tmp_path: Path) -> None:
    file = tmp_path / "disk" / path
    file.parent.mkdir(parents=True)
    file.write_text(f"-----BEGIN OPENSSH {'PRIVATE'} KEY-----\n")
    file.chmod(0o755)
    looked = look(image(ROLES[0].name), tmp_path)
    assert looked.returncode == 1
    assert f"Left in the image: {PLANTED[path]}: /{path}. Remedy: " in looked.stderr


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_what_was_baked_is_told_beside_the_image_as_in_it(role: str) -> None:
    for name in ("manifest.json", "sbom.cdx.json"):
        beside = source.folder(role) / name
        assert beside.read_bytes() == (image(role) / "opt/mlops" / name).read_bytes()


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_the_manifest_lists_the_systems_packages_as_they_are_in_the_end(role: str) -> None:
    if not (image(role) / "usr/bin/dpkg-query").exists():
        pytest.skip("the system's packages are not Debian's")
    query = ["dpkg-query", "--show", "--showformat", "${Package}\t${Version}\n"]
    listed = subprocess.run(
        ["chroot", image(role), *query], capture_output=True, text=True, check=True
    ).stdout
    manifest = json.loads((source.folder(role) / "manifest.json").read_text())
    assert manifest["system_packages"] == dict(line.split("\t") for line in listed.splitlines())
