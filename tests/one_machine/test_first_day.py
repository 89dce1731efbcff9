"""A newcomer's first day, in the order of the README."""

import os
import re
import stat
import subprocess
from pathlib import Path

from tests.one_machine.conftest import Platform


def test_up_ends_with_addresses_where_passwords_are_and_a_live_prediction(platform: Platform) -> None:
    for url in (
        "MLFLOW_TRACKING_URI",
        "AIRFLOW_URL",
        "MODEL_SERVER_URL",
        "DASHBOARD_URL",
        "PREDICTION_API_URL",
    ):
        assert platform.exports[url] in platform.printed
    assert ".local/secrets.env" in platform.printed
    assert '"prediction":"Setosa"' in platform.printed.splitlines()[-1].replace(" ", "")
    assert platform.exports["MLFLOW_TRACKING_PASSWORD"] not in platform.printed


def test_up_shows_every_task_of_the_first_training(platform: Platform) -> None:
    for task in ("validate", "train", "evaluate", "gate", "register", "promote", "smoke_test"):
        assert task in platform.printed


def test_secrets_are_their_owners_alone_and_in_no_log_and_no_command_line(platform: Platform) -> None:
    secrets = [
        line.split("=", 1)[1] for line in (platform.folder / ".local/secrets.env").read_text().splitlines()
    ]
    keepers = [
        path
        for path in (platform.folder / ".local").rglob("*")
        if path.is_file() and "venvs" not in path.parts and _holds(path, secrets)
    ]
    assert keepers
    for path in keepers:
        assert path.suffix != ".log", f"{path} holds a secret"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, f"{path} holds a secret"
    commands = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert not [secret for secret in secrets if secret in commands]


def test_env_prints_nothing_but_exports(platform: Platform) -> None:
    printed = platform.make("env").stdout
    assert all(line.startswith("export ") for line in printed.splitlines())
    assert platform.exports.keys() == {
        "MLFLOW_TRACKING_URI",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
        "AIRFLOW_URL",
        "AIRFLOW_USERNAME",
        "AIRFLOW_PASSWORD",
        "MODEL_SERVER_URL",
        "DASHBOARD_URL",
        "PREDICTION_API_URL",
    }


def test_up_and_its_services_stay_within_the_targets_of_docs_performance(platform: Platform) -> None:
    # The target is 90 s; the machines that run this are shared, and differ in speed by a factor of two.
    assert platform.seconds < 2 * 90
    (together,) = re.findall(r"^together +(\d+)$", platform.make("status").stdout, re.MULTILINE)
    assert 500 < int(together) < 2500


def test_up_again_is_harmless_and_does_not_train_again(platform: Platform) -> None:
    before = platform.pids()
    again = platform.make("up")
    assert again.returncode == 0, again.stderr
    assert "iris_training" not in again.stdout
    assert platform.pids() == before


def _holds(path: Path, secrets: list[str]) -> bool:
    content = path.read_bytes()
    return any(os.fsencode(secret) in content for secret in secrets)
