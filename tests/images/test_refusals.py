"""A machine whose metadata or database is not for it says so, starts no service, and stays up."""

import re

import pytest

from services.final_schema import FinalSchema
from services.mlflow.final_schema import TRACKING, USERS
from tests.images.common import SSH, until
from tests.images.machine import Machine
from tests.images.site import Site

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]

UNKNOWN = "mlops_databse_host is unknown: one of .*mlops_database_host.* is expected. Remedy: .+"
MISSING = "mlops_addresses is not set: a value is expected in the instance's metadata. Remedy: .+"
WRONG = "mlops_admin_secret has an unusable value .not shown.: a secret's OCID.* is expected. Remedy: .+"


SCHEMAS = {"mlflow": TRACKING, "mlflow_users": USERS}
OLDER_TRACKING = "1b5f0d9ad7c1"  # pragma: allowlist secret
"""A version of MLflow's schema from which a strict server lets its migrations pass."""


def version(site: Site, database: str, final: FinalSchema) -> str:
    query = f"SELECT version_num FROM {database}.{final.version_table}"  # noqa: S608
    return str(site.mysql.execute(query)[0][0])


def says(machine: Machine, sentence: str) -> None:
    for told in (machine.console, machine.journal("--boot", "--unit=mlops-first-boot")):
        assert re.search(sentence, told), told


def is_up_without_services(machine: Machine) -> None:
    until(lambda: machine.client.reaches(machine.address, SSH))
    for service in machine.role.services:
        assert not machine.host.service(service.name).is_running
        assert not service.port or not machine.client.reaches(machine.address, service.port)


@pytest.mark.parametrize(
    ("role", "key", "value", "sentence"),
    [
        ("mlflow", "mlops_databse_host", "db.sim.oraclevcn.com", UNKNOWN),
        ("serving", "mlops_addresses", None, MISSING),
        ("airflow", "mlops_admin_secret", "hunter2", WRONG),
    ],
)
def test_metadata_that_does_not_hold_is_refused_in_a_sentence(
    site: Site, role: str, key: str, value: str | None, sentence: str
) -> None:
    contract = site.contract(role)
    given = {name: old for name, old in contract.items() if name != key}
    machine = site.launch(role, given | ({key: value} if value else {}), name="refusal")
    machine.power_on()
    machine.wait_for_refusal()
    says(machine, sentence)
    assert "hunter2" not in machine.console + machine.journal()
    is_up_without_services(machine)
    machine.shut_down()


class TestSchemas:
    role = "mlflow"

    def test_metadata_that_was_corrected_is_taken_at_the_next_boot(self, site: Site) -> None:
        machine = site.launch("mlflow", {}, name="corrected")
        machine.power_on()
        machine.wait_for_refusal()
        site.give("mlflow", site.contract("mlflow"))
        machine.shut_down()
        machine.power_on()
        machine.wait()
        machine.shut_down()
        site.mysql.clear()

    @pytest.mark.filterwarnings("ignore")
    def test_an_older_schema_is_migrated_forward(self, site: Site, machine: Machine) -> None:
        from tests import final_schemas  # it loads MLflow, which takes long and warns about itself

        machine.shut_down()
        site.mysql.execute("DROP DATABASE mlflow")
        site.mysql.execute("CREATE DATABASE mlflow CHARACTER SET utf8mb4")
        final_schemas.older_tracking(site.mysql, site.mysql.uri("mlflow"), OLDER_TRACKING)
        final_schemas.older_users(site.mysql.uri("mlflow_users"))
        for database, final in SCHEMAS.items():
            assert version(site, database, final) != final.revision
        machine.power_on()
        machine.wait()
        for database, final in SCHEMAS.items():
            assert version(site, database, final) == final.revision

    def test_an_image_older_than_the_schema_refuses(self, site: Site, machine: Machine) -> None:
        site.mysql.execute("UPDATE mlflow.alembic_version SET version_num = 'fffffffffff1'")
        machine.shut_down()
        machine.power_on()
        machine.wait_for_refusal()
        says(machine, "schema fffffffffff1, which this MLflow does not know: .* expected. Remedy: .+")
        is_up_without_services(machine)
