import json
import tarfile
from pathlib import Path

import pytest

from packer import source


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tarfile.TarFile:
    monkeypatch.setattr(source, "folder", lambda role: tmp_path)
    source.write(source.roles()[0])
    return tarfile.open(tmp_path / "source.tar")


def test_code_goes_into_an_image_and_tests_do_not(archive: tarfile.TarFile) -> None:
    with archive:
        names = archive.getnames()
    assert {"services/settings.py", "frontend/index.html", "packer/provision/role"} <= set(names)
    assert not [name for name in names if "test" in Path(name).stem or "__pycache__" in name]


def test_links_into_the_image_stay_links(archive: tarfile.TarFile) -> None:
    with archive:
        links = [entry for entry in archive if entry.name.endswith("/sandbox.conf") and entry.issym()]
    assert links
    assert all(entry.linkname.endswith("/usr/lib/mlops/sandbox.conf") for entry in links)


def test_nothing_in_the_archive_says_who_made_it(archive: tarfile.TarFile) -> None:
    with archive:
        assert {(entry.uid, entry.gid) for entry in archive} == {(0, 0)}


def test_packer_and_the_image_are_told_the_same_facts(archive: tarfile.TarFile, tmp_path: Path) -> None:
    with archive:
        member = archive.extractfile("facts.json")
        assert member
        facts = json.load(member)
    assert facts == json.loads((tmp_path / "bake.pkrvars.json").read_text())
    assert set(facts) == {"role", "version", "commit", "lock"}
    assert facts["lock"].startswith("sha256:")


def test_what_is_no_role_is_told_so() -> None:
    with pytest.raises(ValueError, match=r"ROLE is 'nginx': one of .*serving is expected\. Remedy: ROLE="):
        source.write("nginx")
