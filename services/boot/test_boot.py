"""The whole of it: real processes on machines in a region, and a strict MySQL."""

import json
import os
import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from werkzeug.security import check_password_hash

from services.airflow.settings import AirflowSettings
from services.boot import environment_file
from services.boot.conftest import BootedMachine, Site
from services.boot.contract import ADMIN_SECRET, PREFIX
from services.mlflow import final_schema
from services.mlflow.settings import TrackingServerSettings
from services.serving.dashboard.settings import DashboardSettings
from services.serving.model_server.settings import ModelServerSettings
from services.serving.prediction_api.settings import PredictionApiSettings
from services.settings import Settings
from tests.region.mysql import ADMIN_PASSWORD, MySQL

pytestmark = pytest.mark.root

SETTINGS: dict[str, dict[str, type[Settings]]] = {
    "mlflow": {"mlflow": TrackingServerSettings},
    "airflow": {
        f"airflow-{name}": AirflowSettings
        for name in ("api-server", "scheduler", "dag-processor", "triggerer")
    },
    "serving": {
        "fastapi": ModelServerSettings,
        "streamlit": DashboardSettings,
        "flask": PredictionApiSettings,
    },
}


KEPT_BACK = ("mlops_database_admin_secret", "mlops_keys_secret")
"""Secrets that no service is given: one is the administrator's, keys are derived from the other."""


def files(machine: BootedMachine) -> dict[str, tuple[int, int]]:
    """Every file on the machine's disk: inode, time of change."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (machine.disk / "etc").rglob("*")
        if path.is_file()
    }


CONNECT = """
import sys
from sqlalchemy import create_engine, text
print(create_engine(sys.stdin.read()).connect().execute(text("SELECT 1")).scalar())
"""


def users_of(mysql: MySQL) -> dict[str, str]:
    """MLflow's users: name, password hash. Fails unless the schemas are at their newest."""
    for database, schema in (("mlflow", final_schema.TRACKING), ("mlflow_users", final_schema.USERS)):
        rows = mysql.execute(f"SELECT version_num FROM {database}.{schema.version_table}")  # noqa: S608
        assert rows == [(schema.revision,)]
    return dict(mysql.execute("SELECT username, password_hash FROM mlflow_users.users"))


def is_well(mysql: MySQL, machine: BootedMachine) -> None:
    """Fail unless a tracking server would find all it needs."""
    hashes = users_of(mysql)
    for name in ("admin", "airflow", "model-server", "dashboard"):
        password = machine.secrets[f"mlops_{name.replace('-', '_')}_secret"]
        assert check_password_hash(hashes[name], password), name
    assert len(mysql.execute("SELECT * FROM mlflow_users.roles")) == 2
    assert len(mysql.execute("SELECT * FROM mlflow_users.user_role_assignments")) == 3
    variables = machine.environment("mlflow")
    for variable in ("MLFLOW_BACKEND_STORE_URI", "MLFLOW_AUTH_DATABASE_URI"):
        with machine.run("-c", CONNECT) as process:
            output, _ = process.communicate(variables[variable])
        assert output == "1\n"


@pytest.mark.parametrize("role", SETTINGS)
def test_every_service_of_a_role_takes_the_settings_that_first_boot_wrote(
    site: Site, database: MySQL, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = site.machine(role)
    status, output = machine.boot()
    assert status == 0, output
    assert "Configured in" in output
    written = {path.stem for path in (machine.disk / "etc/mlops").iterdir()}
    assert written == set(SETTINGS[role])
    for service, settings in SETTINGS[role].items():
        path = machine.disk / f"etc/mlops/{service}.env"
        assert path.stat().st_mode & 0o777 == 0o640
        with monkeypatch.context() as environment:
            for name, value in machine.environment(service).items():
                environment.setenv(name, value)
            settings()
    written_values = {value for service in SETTINGS[role] for value in machine.environment(service).values()}
    if role == "serving":
        written_values |= set(json.loads(machine.environment("fastapi")["MODEL_SERVER_API_KEYS"]).values())
    for key, value in machine.secrets.items():
        assert (value in written_values) == (key not in KEPT_BACK), key


@pytest.mark.parametrize("role", ["mlflow", "airflow"])
def test_the_next_boots_change_nothing_and_need_no_administrator(
    site: Site, database: MySQL, role: str
) -> None:
    machine = site.machine(role)
    status, output = machine.boot()
    assert status == 0, output
    before = files(machine)
    hashes = database.execute("SELECT user, authentication_string FROM mysql.user ORDER BY user")
    site.region.policies.withdraw(machine.instance.id)
    machine.allow(but=PREFIX + ADMIN_SECRET)
    status, output = machine.boot()
    assert status == 0, output
    assert files(machine) == before
    assert database.execute("SELECT user, authentication_string FROM mysql.user ORDER BY user") == hashes


def test_policies_and_a_database_that_come_late_are_waited_for(site: Site, database: MySQL) -> None:
    machine = site.machine("mlflow", allowed=False)
    database.stop()
    machine.allow(after=5)
    with ThreadPoolExecutor() as pool:
        booting = pool.submit(machine.boot)
        try:
            time.sleep(8)  # the database is away that long
        finally:
            database.start()
        status, output = booting.result()
    assert status == 0, output
    assert "Waiting for the secret that mlops_admin_secret names" in output
    assert "404 NotAuthorizedOrNotFound" in output
    assert "Waiting for MySQL at db.sim.oraclevcn.com:3306" in output
    is_well(database, machine)


@pytest.mark.parametrize("seed", range(10))
def test_a_boot_that_is_killed_anywhere_is_completed_by_the_next(
    site: Site, database: MySQL, seed: int
) -> None:
    machine = site.machine("mlflow")
    moments = random.Random(seed)  # noqa: S311 - moments to kill at, not keys
    for _ in range(2):
        with machine.start() as process:
            try:
                process.wait(moments.uniform(0.5, 6))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    status, output = machine.boot()
    assert status == 0, output
    is_well(database, machine)
    assert {path.name for path in (machine.disk / "etc/mlops").iterdir()} == {"mlflow.env"}


def test_the_administrators_password_is_nowhere(site: Site, database: MySQL) -> None:
    machine = site.machine("mlflow")
    seen: set[tuple[str, bytes]] = set()
    with machine.start() as process, ThreadPoolExecutor() as pool:
        reading = pool.submit(process.communicate)
        while not reading.done():
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    if os.getsid(int(folder.name)) == process.pid:
                        seen |= {(kind, (folder / kind).read_bytes()) for kind in ("cmdline", "environ")}
                except OSError:
                    continue
            time.sleep(0.02)
        output, _ = reading.result()
    assert process.returncode == 0, output
    assert len(seen) > 3
    secrets = [value.encode() for value in machine.secrets.values()]
    arguments = [each for kind, each in seen if kind == "cmdline"]
    assert not [secret for secret in secrets for each in (*arguments, output.encode()) if secret in each]
    disk = [path.read_bytes() for path in machine.disk.rglob("*") if path.is_file()]
    surroundings = [each for kind, each in seen if kind == "environ"]
    written = environment_file.text({"X": ADMIN_PASSWORD})[3:-2]
    for form in (ADMIN_PASSWORD, written, quote(ADMIN_PASSWORD, safe="")):
        assert not [each for each in (*disk, *surroundings) if form.encode() in each]


def test_a_replaced_machine_takes_over(site: Site, database: MySQL) -> None:
    first = site.machine("airflow")
    second = site.machine("airflow", mlops_keys_secret=first.instance.metadata["mlops_keys_secret"])
    for machine in (first, second):
        status, output = machine.boot()
        assert status == 0, output
    old, new = (machine.environment("airflow-scheduler") for machine in (first, second))
    assert old["AIRFLOW_DATABASE_URI"] != new["AIRFLOW_DATABASE_URI"]
    for name in ("AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_SECRET_KEY"):
        assert old[name] == new[name]
    assert (
        len({new[name] for name in new if name.startswith("AIRFLOW_") and name.endswith(("KEY", "SECRET"))})
        == 3
    )


def test_bad_metadata_is_told_and_nothing_is_written(site: Site, database: MySQL) -> None:
    machine = site.machine("mlflow", mlops_bucket="things", mlops_colour="blue")
    status, output = machine.boot()
    assert status == 1
    assert "First boot failed, no service is started." in output
    assert "mlops_bucket is 'things': bucket@namespace is expected. Remedy: " in output
    assert "mlops_colour is unknown" in output
    assert "Traceback" not in output
    assert files(machine) == {}


def test_an_image_older_than_the_schema_refuses(site: Site, database: MySQL) -> None:
    machine = site.machine("mlflow")
    assert machine.boot()[0] == 0
    database.execute("UPDATE mlflow.alembic_version SET version_num = 'fffffffffff0'")
    status, output = machine.boot()
    assert status == 1
    assert "MLFLOW_BACKEND_STORE_URI names a database with the schema fffffffffff0" in output
    assert "use an image that is as new as the database" in output
    assert "Traceback" not in output


def test_an_image_without_a_role_says_so(site: Site, database: MySQL) -> None:
    machine = site.machine("serving")
    (machine.disk / "usr/lib/mlops/role").write_text("gardening\n")
    status, output = machine.boot()
    assert (status, "The image's role is 'gardening'" in output) == (1, True)
    (machine.disk / "usr/lib/mlops/role").unlink()
    assert "the name of the image's role is expected" in machine.boot()[1]
