"""What makes an image on OCI is what makes it here."""

import re
from pathlib import Path

PACKER = Path(__file__).parent
OCI = (PACKER / "oci.pkr.hcl").read_text()
LOCAL = (PACKER / "local.pkr.hcl").read_text()


def provisioners(template: str) -> str:
    _, marker, after = template.partition("\n  provisioner ")
    return marker + after


def variables(template: str) -> set[str]:
    return set(re.findall(r'^variable "(\w+)"', template, re.M))


def test_both_templates_run_the_same_provisioners() -> None:
    assert provisioners(OCI) == provisioners(LOCAL)
    assert provisioners(OCI).count("\n  provisioner ") > 1


def test_each_template_declares_the_variables_it_uses() -> None:
    for template in (OCI, LOCAL):
        assert set(re.findall(r"\bvar\.(\w+)", template)) <= variables(template)


def test_the_image_carries_what_the_bake_knows_of_it() -> None:
    tags = re.findall(r"^    (\w+) += var\.\1$", OCI.partition("  tags = {")[2].partition("}")[0], re.M)
    assert tags == ["role", "version", "commit", "lock"]


def test_every_script_of_the_provisioners_is_there_and_can_be_run() -> None:
    named = re.findall(r"\$\{path\.root\}/(provision/\w+)", provisioners(LOCAL))
    assert named
    for name in named:
        assert (PACKER / name).stat().st_mode & 0o111, name


def test_no_provisioner_knows_a_role() -> None:
    roles = {path.parent.name for path in (PACKER.parent / "services").glob("*/role.py")}
    for file in (PACKER / "local.pkr.hcl", PACKER / "oci.pkr.hcl", *(PACKER / "provision").iterdir()):
        if file.is_file() and not file.name.startswith("test_"):
            assert not roles & set(re.findall(r"\w+", file.read_text())), file
