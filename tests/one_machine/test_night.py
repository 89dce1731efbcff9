"""The end of the day: stop, and what is left. Runs last, for it stops the platform that the others use."""

import psutil

from services.local.supervision import MARK
from tests.one_machine.conftest import Platform


def processes_of(platform: Platform) -> list[psutil.Process]:
    """Every process that was started for this checkout."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(platform.folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_down_leaves_no_process_behind_even_of_a_killed_service(platform: Platform) -> None:
    before = processes_of(platform)
    assert len(before) > 8
    scheduler = next(process for process in before if "scheduler" in process.cmdline())
    scheduler.kill()
    assert platform.make("down").returncode == 0
    assert processes_of(platform) == []


def test_down_keeps_data_and_reset_deletes_it(platform: Platform) -> None:
    local = platform.folder / ".local"
    assert platform.make("down").returncode == 0
    assert (local / "data" / "mlflow.db").exists()
    assert platform.make("reset", "YES=1").returncode == 0
    assert {path.name for path in local.iterdir()} <= {"venvs"}
    refused = platform.make("env")
    assert refused.returncode != 0
    assert "Remedy: `make up`" in refused.stderr
