from pathlib import Path

import pytest

from services.local import preflight


def test_this_machine_passes(tmp_path: Path) -> None:
    assert preflight.problems(str(tmp_path), {"MLOPS_DISK_MB": "1"}) == []


def test_too_little_disk_is_one_sentence(tmp_path: Path) -> None:
    (sentence,) = preflight.problems(str(tmp_path), {"MLOPS_DISK_MB": "999999999"})
    assert "expected 999999999 MB or more (MLOPS_DISK_MB). Remedy: " in sentence


def test_an_unusable_limit_is_one_sentence(tmp_path: Path) -> None:
    (sentence,) = preflight.problems(str(tmp_path), {"MLOPS_DISK_MB": "lots"})
    assert sentence == "MLOPS_DISK_MB is 'lots': expected whole megabytes. Remedy: unset it."


def test_an_old_python_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "PYTHON", (3, 99))
    (sentence,) = preflight.problems(str(tmp_path), {"MLOPS_DISK_MB": "1"})
    assert "expected 3.99 or newer. Remedy: install one and run `make up PYTHON=" in sentence
