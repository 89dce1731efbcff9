from pathlib import Path

import pytest

from packer import machine


def test_images_start_from_the_root_that_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").symlink_to("../usr/lib/os-release")
    monkeypatch.setenv("MLOPS_BASE_ROOT", str(tmp_path))
    assert machine.base_root() == tmp_path


def test_what_is_no_root_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_BASE_ROOT", str(tmp_path / "ol8"))
    with pytest.raises(ValueError, match=r"MLOPS_BASE_ROOT is '.*ol8': .* is expected\. Remedy: "):
        machine.base_root()
