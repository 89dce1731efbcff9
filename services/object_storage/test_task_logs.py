from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.object_storage.bucket import Bucket
from services.object_storage.location import Location
from services.object_storage.task_logs import BucketTaskLogs
from tests.region.region import Region

PATH = "dag_id=iris/run_id=manual__2026-11-23T10:00:00+00:00/task_id=train/attempt=1.log"


@pytest.fixture
def logs(bucket: Bucket, tmp_path: Path) -> BucketTaskLogs:
    return BucketTaskLogs(Location.parse("oci://things@simspace/logs"), tmp_path)


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


def test_a_log_is_read_when_its_machine_is_gone(logs: BucketTaskLogs, tmp_path: Path) -> None:
    text = "".join(f'{{"event": "line {number} ü"}}\n' for number in range(50_000))
    write(tmp_path, PATH, text)
    logs.upload(PATH)
    (tmp_path / PATH).unlink()
    sources, streams = logs.stream(PATH, None)
    assert sources == [f"oci://things@simspace/logs/{PATH}"]
    assert list(streams[0]) == text.splitlines()
    assert logs.read(PATH, None) == (sources, [text.rstrip("\n")])


def test_a_triggers_log_lies_beside_its_tasks(logs: BucketTaskLogs, tmp_path: Path) -> None:
    for name in (PATH, f"{PATH}.trigger.7.log"):
        write(tmp_path, name, name)
        logs.upload(tmp_path / name)
    assert [list(lines) for lines in logs.stream(PATH, None)[1]] == [[PATH], [f"{PATH}.trigger.7.log"]]


def test_a_log_that_is_not_there_yet_is_no_error(logs: BucketTaskLogs) -> None:
    logs.upload(PATH)
    assert logs.read(PATH, None) == ([], None)


def test_a_bucket_that_is_away_fails_neither_task_nor_page(
    logs: BucketTaskLogs, tmp_path: Path, region: Region
) -> None:
    write(tmp_path, PATH, "text")
    region.faults.add("PutObject", 404, "BucketNotFound")
    region.faults.add("ListObjects", 404, "BucketNotFound")
    with capture_logs() as said:
        logs.upload(PATH)
    assert said[0]["event"] == "The task's log stays on this machine only"
    sources, streams = logs.stream(PATH, None)
    assert "cannot be read: 404 BucketNotFound" in sources[0]
    assert streams == []
