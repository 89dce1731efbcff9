import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from release import stack


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return stack.contents()


def test_the_same_contents_give_the_same_bytes(tmp_path: Path, files: dict[str, bytes]) -> None:
    one = stack.write(files, 1_800_000_000, tmp_path / "one/mlops-stack.zip")
    other = stack.write(dict(reversed(files.items())), 1_800_000_000, tmp_path / "other/mlops-stack.zip")
    assert one.read_bytes() == other.read_bytes()
    assert zipfile.ZipFile(one).testzip() is None


def test_the_checksum_beside_it_is_its_own(tmp_path: Path) -> None:
    made = stack.write({"main.tf": b""}, 1_800_000_000, tmp_path / "mlops-stack.zip")
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    assert (tmp_path / "mlops-stack.zip.sha256").read_text() == f"{digest}  mlops-stack.zip\n"


def test_it_holds_what_belongs_in_it_and_nothing_else(files: dict[str, bytes]) -> None:
    assert {"schema.yaml", "versions.tf", "release.json", "dags/iris_training.py"} <= files.keys()
    strange = [
        name
        for name in files
        if name != "release.json"
        and not name.endswith(".tf")
        and name != "schema.yaml"
        and not (name.startswith("dags/") and name.endswith(".py"))
    ]
    assert strange == []
    assert not [name for name in files if "test" in name]


def test_it_says_which_release_it_is(files: dict[str, bytes]) -> None:
    assert json.loads(files["release.json"]).keys() == {"version", "commit"}


def test_it_is_far_below_what_resource_manager_takes(tmp_path: Path, files: dict[str, bytes]) -> None:
    made = stack.write(files, 1_800_000_000, tmp_path / "mlops-stack.zip")
    assert made.stat().st_size < stack.LIMIT / 10


def test_what_resource_manager_would_refuse_is_not_left_unsaid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "LIMIT", 10)
    with pytest.raises(ValueError, match=r"fewer than 10 are expected\. Remedy"):
        stack.write({"main.tf": b""}, 1_800_000_000, tmp_path / "mlops-stack.zip")
