from contextlib import suppress
from pathlib import Path

import pytest
from oci.exceptions import ServiceError

from services.object_storage.bucket import Bucket, Entry
from tests.region.region import Region


def found(bucket: Bucket, name: str) -> Entry:
    entry = bucket.find(name)
    assert entry is not None
    return entry


def test_a_file_larger_than_a_part_comes_back_the_same(
    bucket: Bucket, big_file: Path, tmp_path: Path
) -> None:
    bucket.upload("a/big", big_file)
    entry = found(bucket, "a/big")
    assert entry.size == big_file.stat().st_size
    bucket.download(entry, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big_file.read_bytes()


@pytest.mark.parametrize("size", [0, 1, (16 << 20) - 1, 16 << 20, (32 << 20) + 1])
def test_a_stream_of_any_length_comes_back_the_same(bucket: Bucket, size: int, tmp_path: Path) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    with bucket.writer("stream") as writer:
        for start in range(0, size, 1_000_003):
            writer.add(data[start : min(start + 1_000_003, size)])
    bucket.download(found(bucket, "stream"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data[:size]


def test_a_stream_that_fails_leaves_nothing(bucket: Bucket, region: Region) -> None:
    with suppress(RuntimeError), bucket.writer("stream") as writer:
        writer.add(bytes(20 << 20))
        raise RuntimeError
    assert bucket.find("stream") is None
    assert not region.object_storage.store.buckets["things"].uploads


def test_an_upload_that_fails_leaves_nothing(bucket: Bucket, big_file: Path, region: Region) -> None:
    region.faults.add("UploadPart", 400, "InvalidUploadPart")
    with pytest.raises(ServiceError):
        bucket.upload("big", big_file)
    assert not region.object_storage.store.buckets["things"].uploads


def test_a_download_goes_on_where_its_connection_broke(
    bucket: Bucket, big_file: Path, tmp_path: Path, region: Region
) -> None:
    bucket.upload("big", big_file)
    region.faults.cut("GetObject", after=5 << 20, times=3)
    bucket.download(found(bucket, "big"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big_file.read_bytes()


def test_a_download_that_fails_leaves_no_file(bucket: Bucket, tmp_path: Path) -> None:
    bucket.write("x", b"first")
    entry = found(bucket, "x")
    bucket.write("x", b"second")
    with pytest.raises(ServiceError) as refused:
        bucket.download(entry, tmp_path / "back")
    assert refused.value.status == 412
    assert list(tmp_path.iterdir()) == []


def test_throttling_and_server_errors_are_retried(bucket: Bucket, region: Region) -> None:
    region.faults.add("PutObject", 429, "TooManyRequests")
    region.faults.add("GetObject", 503, "ServiceUnavailable")
    bucket.write("x", b"data")
    assert bucket.read("x") == b"data"


def test_lists_go_past_one_page(bucket: Bucket, region: Region) -> None:
    names = [f"many/{number:04}" for number in range(1005)]
    kept = region.object_storage.store.buckets["things"]
    bucket.write("seed", b"")
    seed = kept.objects.pop("seed")
    for name in names:
        kept.objects[name] = [type(seed[0])(name, seed[0].content, {}, seed[0].created)]
    try:
        assert [entry.name for entry in bucket.entries("many/")] == names
        assert bucket.folder("")[1] == ["many/"]
        assert len(bucket.folder("many/")[0]) == 1005
    finally:
        kept.objects.clear()


@pytest.mark.parametrize(
    "name", ["a b.txt", "ünï/çödé 字.txt", "per%20cent", "a+b", "q?x#y", "dot/./x", "'\"&=;,"]
)
def test_names_are_kept_as_they_are(bucket: Bucket, name: str) -> None:
    bucket.write(name, b"data")
    assert [entry.name for entry in bucket.entries("")] == [name]
    assert bucket.read(name) == b"data"
    bucket.delete(name)
    assert bucket.find(name) is None


def test_deleting_what_is_not_there_is_fine(bucket: Bucket) -> None:
    bucket.delete("nothing")
