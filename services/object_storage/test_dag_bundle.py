import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from airflow.dag_processing.bundles.base import BundleVersion, BundleVersionLock
from structlog.testing import capture_logs

from services.object_storage.bucket import Bucket
from services.object_storage.dag_bundle import BucketDagBundle, VersionGoneError
from tests.region.region import Region

MakeBundle = Callable[..., BucketDagBundle]


@pytest.fixture
def make_bundle(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeBundle:
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path))
    monkeypatch.setattr(
        "airflow.dag_processing.bundles.base.STALE_BUNDLE_TRACKING_FOLDER", tmp_path / "_tracking"
    )

    def make(version: str | None = None, uri: str = "oci://things@simspace/dags") -> BucketDagBundle:
        return BucketDagBundle(name="dags", version=version, uri=uri, refresh_interval=15)

    return make


@pytest.fixture
def asked(region: Region) -> list[str]:
    """The requests made from now on, as operations."""
    region.front.seen = []
    return region.front.seen


def files(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def version_of(bundle: BucketDagBundle) -> str:
    current = bundle.get_current_version()
    assert isinstance(current, BundleVersion)
    return current.version


def started(bundle: BucketDagBundle) -> BucketDagBundle:
    bundle.initialize()
    return bundle


def test_the_bundle_is_what_lies_below_its_prefix(bucket: Bucket, make_bundle: MakeBundle) -> None:
    bucket.write("dags/one.py", b"1")
    bucket.write("dags/sub dir/two.py", b"2")
    bucket.write("dags/empty/", b"")
    bucket.write("dagsters/three.py", b"3")
    bundle = started(make_bundle())
    assert files(bundle.path) == {"one.py": "1", "sub dir/two.py": "2"}


def test_a_refresh_is_one_listing_and_only_what_changed(
    bucket: Bucket, make_bundle: MakeBundle, asked: list[str]
) -> None:
    for number in range(5):
        bucket.write(f"dags/{number}.py", str(number).encode())
    bundle = started(make_bundle())
    asked.clear()
    bundle.refresh()
    assert asked == ["ListObjects"]
    bucket.write("dags/3.py", b"changed")
    bucket.write("dags/4.py", b"4")
    bucket.delete("dags/0.py")
    asked.clear()
    before = version_of(bundle)
    bundle.refresh()
    assert asked == ["ListObjects", "GetObject"]
    assert files(bundle.path) == {"1.py": "1", "2.py": "2", "3.py": "changed", "4.py": "4"}
    assert version_of(bundle) != before


def test_a_run_ends_on_the_version_it_began_on(
    bucket: Bucket, make_bundle: MakeBundle, asked: list[str]
) -> None:
    bucket.write("dags/a.py", b"A")
    bundle = started(make_bundle())
    begun_on = version_of(bundle)
    bucket.write("dags/a.py", b"B")
    bundle.refresh()
    asked.clear()
    assert files(started(make_bundle(begun_on)).path) == {"a.py": "A"}
    assert files(started(make_bundle()).path) == {"a.py": "B"}
    assert asked == []


def test_the_same_objects_are_the_same_version_everywhere(bucket: Bucket, make_bundle: MakeBundle) -> None:
    bucket.write("dags/a.py", b"A")
    first = started(make_bundle())
    version, folder = version_of(first), first.base_dir
    shutil.rmtree(folder)
    assert files(started(make_bundle(version)).path) == {"a.py": "A"}
    assert version_of(started(make_bundle())) == version


def test_a_version_that_can_no_longer_be_had_is_named(bucket: Bucket, make_bundle: MakeBundle) -> None:
    bucket.write("dags/a.py", b"A")
    with pytest.raises(
        VersionGoneError, match=r"Version 0123456789abcdef of the DAGs is not on this machine"
    ):
        make_bundle("0123456789abcdef").initialize()


def test_a_bucket_that_is_away_leaves_the_last_version(
    bucket: Bucket, make_bundle: MakeBundle, region: Region
) -> None:
    bucket.write("dags/a.py", b"A")
    bundle = started(make_bundle())
    version = version_of(bundle)
    region.faults.add("ListObjects", 503, "ServiceUnavailable", times=3)
    with capture_logs() as logs:
        bundle.refresh()
    assert [entry["event"] for entry in logs] == ["DAGs stay as they are, the bucket cannot be read"]
    assert "503 ServiceUnavailable" in logs[0]["reason"]
    assert version_of(bundle) == version
    assert files(bundle.path) == {"a.py": "A"}


def test_a_download_that_fails_leaves_the_last_version(
    bucket: Bucket, make_bundle: MakeBundle, region: Region
) -> None:
    bucket.write("dags/a.py", b"A")
    bundle = started(make_bundle())
    bucket.write("dags/a.py", b"B")
    bucket.write("dags/b.py", b"B")
    region.faults.add("GetObject", 404, "ObjectNotFound")
    bundle.refresh()
    assert files(bundle.path) == {"a.py": "A"}
    bundle.refresh()
    assert files(bundle.path) == {"a.py": "B", "b.py": "B"}


def test_an_emptied_bucket_is_an_empty_bundle(bucket: Bucket, make_bundle: MakeBundle) -> None:
    bucket.write("dags/a.py", b"A")
    bundle = started(make_bundle())
    bucket.delete("dags/a.py")
    bundle.refresh()
    assert files(bundle.path) == {}


@pytest.mark.parametrize(
    "name", ["dags/../evil.py", "dags//evil.py", "dags/x/../../evil.py", "dags/./evil.py"]
)
def test_no_object_is_written_outside(bucket: Bucket, make_bundle: MakeBundle, name: str) -> None:
    bucket.write("dags/good.py", b"good")
    bucket.write(name, b"evil")
    with capture_logs() as logs:
        bundle = started(make_bundle())
    assert files(bundle.path) == {"good.py": "good"}
    assert "left out" in logs[0]["event"]


def test_many_at_once_start_and_refresh_the_same_bundle(bucket: Bucket, make_bundle: MakeBundle) -> None:
    for number in range(20):
        bucket.write(f"dags/{number}.py", str(number).encode())

    def one(_: int) -> int:
        bundle = started(make_bundle())
        bundle.refresh()
        return len(files(bundle.path))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(16))) == {20}


def test_old_versions_are_pruned_but_none_that_may_be_needed(
    bucket: Bucket, make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__STALE_BUNDLE_CLEANUP_MIN_VERSIONS", "2")
    bucket.write("dags/a.py", b"0")
    bundle = started(make_bundle())
    versions = [version_of(bundle)]

    def release(content: str) -> None:
        bucket.write("dags/a.py", content.encode())
        bundle.refresh()
        versions.append(version_of(bundle))

    for content in "1234":
        release(content)
    assert {folder.name for folder in bundle.versions_dir.iterdir()} == set(versions), "all are young"
    long_ago = time.time() - 7 * 3600
    for version in versions[:4]:
        os.utime(bundle.versions_dir / version, (long_ago, long_ago))
    with BundleVersionLock("dags", versions[1]):  # type: ignore[no-untyped-call]
        release("5")
    kept = {folder.name for folder in bundle.versions_dir.iterdir()}
    assert kept == {versions[1], versions[4], versions[5]}, "tracked, second newest, newest"
    assert len(list((bundle.base_dir / "files").iterdir())) == 3
    assert files(bundle.versions_dir / versions[1]) == {"a.py": "1"}


def test_a_half_made_version_is_made_again(bucket: Bucket, make_bundle: MakeBundle) -> None:
    bucket.write("dags/a.py", b"A")
    bundle = make_bundle()
    (bundle.base_dir / ".tree-cut").mkdir(parents=True)
    (bundle.base_dir / ".tree-cut" / "a.py").write_text("half")
    bundle.initialize()
    assert files(bundle.path) == {"a.py": "A"}
    assert not (bundle.base_dir / ".tree-cut").exists()
