"""The commands that docs/deploy.md and docs/operations.md give to whoever has a tenancy, run here."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from oci.certificates_management import CertificatesManagementClient
from oci.key_management import KmsManagementClient, KmsVaultClient
from oci.key_management.models import CreateVaultDetails
from oci.object_storage import ObjectStorageClient
from sqlalchemy import text

from services.airflow import database as airflow
from services.airflow.first_boot import FirstBoot as Airflow
from services.boot.database import Server, ensure_user
from services.final_schema import load, locked, revision_of
from services.mlflow import final_schema, preparation
from services.mlflow.databases import connected
from services.mlflow.first_boot import FirstBoot as Mlflow
from tests.markdown import blocks, commands
from tests.region.mysql import ADMIN_PASSWORD, MySQL, root
from tests.region.policies import Verb
from tests.region.region import Loopback, Region, User
from tests.region.test_certificate_service import authority
from tests.region.test_vault import Connect, a_key

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("deploy.md", "operations.md")
LINES = [line for page in PAGES for block in blocks(DOCS / page, "sh") for line in commands(block)]


def shell(line: str, folder: Path, environment: dict[str, str]) -> str:
    """What the line prints. Fails when it does."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def run(
    oci_command: Path, region: Region, loopback: Loopback, administrator: User, tmp_path: Path
) -> Callable[[str, str], str]:
    """Runs the command of `oci` that begins so, with its one place filled in."""
    config = region.config_file(administrator)

    def run(beginning: str, value: str) -> str:
        (line,) = {line for line in LINES if line.startswith(f"oci {beginning}")}
        filled, places = re.subn("<[^<>]+>", value, line)
        assert places == 1
        options = f"--config-file {config} --endpoint {loopback.endpoint}"
        return shell(filled.replace("oci", f"{oci_command} {options}", 1), tmp_path, region.environment)

    return run


def test_every_command_of_oci_is_run_here() -> None:
    first = {" ".join(line.split()[1:3]) for line in LINES if line.startswith("oci ")}
    assert first == {"certificates certificate-authority-bundle", "os object", "secrets secret-bundle"}


def test_the_authoritys_certificate_is_what_clients_take(
    run: Callable[[str, str], str], region: Region, connect: Connect, tmp_path: Path
) -> None:
    connect(KmsVaultClient).create_vault(
        CreateVaultDetails(compartment_id=region.compartment, display_name="vault", vault_type="DEFAULT")
    )
    key = a_key(connect(KmsManagementClient), region, "RSA", 256, protection_mode="HSM")
    region.policies.allow("*", Verb.USE, "keys", key.id)
    made = authority(connect(CertificatesManagementClient), region, key, "documented")
    run("certificates certificate-authority-bundle get", made.id)
    (certificate,) = x509.load_pem_x509_certificates((tmp_path / "authority.pem").read_bytes())
    assert certificate.subject == certificate.issuer


def test_a_dag_goes_into_the_bucket(
    run: Callable[[str, str], str], region: Region, storage: ObjectStorageClient, tmp_path: Path
) -> None:
    region.object_storage.store.create("documented", region.compartment, "")
    (tmp_path / "my_dag.py").write_text("# mine\n")
    run("os object put", "documented")
    found = storage.get_object(region.namespace, "documented", "dags/my_dag.py")
    assert found.data.content == b"# mine\n"


def test_a_secrets_value_is_printed(run: Callable[[str, str], str], region: Region) -> None:
    secret = region.add_secret("documented", ADMIN_PASSWORD)
    assert run("secrets secret-bundle get", secret.id) == ADMIN_PASSWORD


@pytest.mark.root
def test_a_dump_brings_back_what_there_was_and_nothing_else(mysql: MySQL, tmp_path: Path) -> None:
    mysql.clear()
    uris = as_first_boot_makes_them(mysql)
    tables = listed(mysql)
    mysql.execute("INSERT INTO mlflow.experiments (experiment_id, name) VALUES (7, 'kept')")
    environment = {"PATH": f"{client_of(tmp_path)}:{os.environ['PATH']}", "MYSQL_PWD": ADMIN_PASSWORD}
    dump, drop, restore = (
        line.replace("--port=3306", f"--port={mysql.port}").replace(" --password", "")
        for line in LINES
        if line.startswith("mysql")
    )
    shell(dump, tmp_path, environment)
    mysql.execute("CREATE TABLE mlflow.of_a_newer_schema (id INT PRIMARY KEY)")
    shell(drop, tmp_path, environment)
    shell(restore, tmp_path, environment)
    assert listed(mysql) == tables
    for uri in uris.values():
        with connected(uri) as engine, engine.connect():
            pass  # the roles' users are what they were
    with connected(uris["mlflow"]) as engine, engine.connect() as connection:
        kept = connection.execute(text("SELECT name FROM experiments")).scalars().all()
        assert revision_of(connection, final_schema.TRACKING) == final_schema.TRACKING.revision
    assert kept == ["kept"]
    mysql.clear()


def as_first_boot_makes_them(mysql: MySQL) -> dict[str, str]:
    """The databases of the roles, with their schemas and users: the URI of each."""
    server = Server(mysql.host, mysql.port, mysql.authority)
    uris: dict[str, str] = {}
    for role, contract in (("mlflow", Mlflow), ("airflow", Airflow)):
        names, rights = contract.databases, contract.privileges
        password = ensure_user(server, role, names, rights, None, lambda: ADMIN_PASSWORD)
        uris |= {name: server.uri(role, password, name) for name in names}
    preparation.migrate("mlflow", uris["mlflow"], final_schema.TRACKING)
    preparation.migrate("mlflow_users", uris["mlflow_users"], final_schema.USERS)
    with connected(uris["airflow"]) as engine, locked(engine) as connection:
        load(connection, [airflow.AIRFLOW, airflow.FAB])
    return uris


def listed(mysql: MySQL) -> list[tuple[str, str]]:
    """Every table of the roles."""
    query = (
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN (%s, %s, %s)"
    )
    return sorted(mysql.execute(query, "mlflow", "mlflow_users", "airflow"))


def client_of(folder: Path) -> Path:
    """A folder with MySQL's own client, which lies beside the server."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("mysql", "mysqldump"):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec chroot {root()} {name} "$@"\n')
        program.chmod(0o755)
    return programs
