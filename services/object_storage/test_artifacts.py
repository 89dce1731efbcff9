import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from services.object_storage.artifacts import ObjectStorageArtifactRepository
from services.object_storage.bucket import Bucket
from tests.region.region import Region

PLUGIN = Path(__file__).parent / "plugin"
URI = "oci://things@simspace/root/1/run id/artifacts"


@pytest.fixture
def repository(bucket: Bucket) -> ObjectStorageArtifactRepository:
    return ObjectStorageArtifactRepository(URI)


def make_tree(root: Path) -> dict[str, bytes]:
    tree = {
        "top.txt": b"top",
        "sub/b.txt": b"b",
        "sub/deep er/ü 字.bin": bytes(range(256)),
        "sub/empty": b"",
        "subway": b"no child of sub",
    }
    for path, data in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return tree


def contents(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_a_tree_comes_back_the_same(repository: ObjectStorageArtifactRepository, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "back").mkdir()
    tree = make_tree(tmp_path / "there")
    repository.log_artifacts(str(tmp_path / "there"))
    repository.download_artifacts("", str(tmp_path / "back"))
    assert contents(tmp_path / "back") == tree


def test_a_folder_lists_what_is_directly_in_it(
    repository: ObjectStorageArtifactRepository, tmp_path: Path
) -> None:
    make_tree(tmp_path)
    repository.log_artifacts(str(tmp_path), "model")
    assert [(each.path, each.is_dir, each.file_size) for each in repository.list_artifacts("model")] == [
        ("model/sub", True, None),
        ("model/subway", False, 15),
        ("model/top.txt", False, 3),
    ]
    assert [each.path for each in repository.list_artifacts()] == ["model"]
    assert [each.path for each in repository.list_artifacts("model/sub")] == [
        "model/sub/b.txt",
        "model/sub/deep er",
        "model/sub/empty",
    ]
    assert repository.list_artifacts("model/top.txt") == []


def test_one_file_goes_into_a_folder(
    repository: ObjectStorageArtifactRepository, tmp_path: Path, bucket: Bucket
) -> None:
    (tmp_path / "a.txt").write_text("a")
    repository.log_artifact(str(tmp_path / "a.txt"), "x/y")
    assert bucket.read("root/1/run id/artifacts/x/y/a.txt") == b"a"


def test_deleting_a_folder_spares_its_namesakes(
    repository: ObjectStorageArtifactRepository, tmp_path: Path
) -> None:
    make_tree(tmp_path)
    repository.log_artifacts(str(tmp_path))
    repository.delete_artifacts("sub")
    assert [each.path for each in repository.list_artifacts()] == ["subway", "top.txt"]
    repository.delete_artifacts("top.txt")
    repository.delete_artifacts()
    assert repository.list_artifacts() == []


def test_what_is_missing_is_said_to_be_missing(
    repository: ObjectStorageArtifactRepository, tmp_path: Path
) -> None:
    with pytest.raises(MlflowException, match=r"There is no artifact 'nothing.txt'") as error:
        repository.download_artifacts("nothing.txt", str(tmp_path))
    assert error.value.get_http_status_code() == 404  # type: ignore[no-untyped-call]


def test_a_refusal_is_mlflows_own_error(bucket: Bucket, tmp_path: Path) -> None:
    elsewhere = ObjectStorageArtifactRepository("oci://no-such-bucket@simspace/x")
    with pytest.raises(MlflowException, match="BucketNotFound") as error:
        elsewhere.list_artifacts()
    assert error.value.get_http_status_code() == 404  # type: ignore[no-untyped-call]


async def chunks_of(data: bytes, *, hang_up: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 100_000):
        yield data[start : start + 100_000]
        await asyncio.sleep(0)
    if hang_up:
        raise asyncio.CancelledError


def test_an_upload_through_the_server_streams_to_the_bucket(
    repository: ObjectStorageArtifactRepository, bucket: Bucket
) -> None:
    data = os.urandom(1 << 20) * 20
    asyncio.run(repository.log_artifact_from_async_stream(chunks_of(data), "big", "model"))
    assert bucket.read("root/1/run id/artifacts/model/big") == data


def test_a_client_that_hangs_up_leaves_nothing(
    repository: ObjectStorageArtifactRepository, region: Region
) -> None:
    stream = chunks_of(bytes(20 << 20), hang_up=True)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(repository.log_artifact_from_async_stream(stream, "big"))
    assert not region.object_storage.store.buckets["things"].uploads
    assert repository.list_artifacts() == []


def test_mlflow_finds_the_plugin_by_its_entry_point() -> None:
    code = (
        "from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository as get\n"
        f"print(type(get({URI!r})).__name__)"
    )
    path = os.pathsep.join([str(PLUGIN), str(Path.cwd())])
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "ObjectStorageArtifactRepository"


MEASURED = f"""
import sys
from pathlib import Path
from services.object_storage.artifacts import ObjectStorageArtifactRepository

def peak():
    # Not getrusage: its maximum is inherited from the process that forked this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))

repository = ObjectStorageArtifactRepository({URI!r})
repository.list_artifacts()
before = peak()
file, folder = map(Path, sys.argv[1:])
repository.log_artifact(str(file))
print(peak() - before)
repository.download_artifacts(file.name, str(folder))
print(peak() - before)
with file.open("rb") as stream:
    stream.seek(3 << 28)
    repository.log_artifact_from_stream(stream, "streamed")
print(peak() - before)
"""


def test_a_gigabyte_takes_little_memory(bucket: Bucket, tmp_path: Path) -> None:
    big = tmp_path / "gigabyte"
    with big.open("wb") as stream:
        stream.truncate(1 << 30)
    (tmp_path / "back").mkdir()
    measured = subprocess.run(
        [sys.executable, "-c", MEASURED, str(big), str(tmp_path / "back")],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    )
    uploaded, downloaded, streamed = map(int, measured.stdout.split())
    print(f"1 GB: +{uploaded} MB for the upload, +{downloaded} MB with the download, +{streamed} MB in all")
    assert streamed < 200
    assert (tmp_path / "back" / "gigabyte").stat().st_size == 1 << 30
