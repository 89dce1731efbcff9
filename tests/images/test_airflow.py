from typing import ClassVar

import pytest

from tests.images.common import MachineSpecs
from tests.images.machine import Machine
from tests.images.site import Site

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]


class TestAirflow(MachineSpecs):
    role: ClassVar[str] = "airflow"

    def test_it_lets_in_the_admin_of_the_secret_alone(self, site: Site, machine: Machine) -> None:
        for password, status in ((site.secret("airflow admin"), 201), ("admin", 401)):
            body = {"username": "admin", "password": password}
            answer = machine.client.ask(machine.url("airflow-api-server", "/auth/token"), body)
            assert answer.status == status, answer.body

    def test_nobody_reads_its_dags_unasked(self, machine: Machine) -> None:
        assert machine.client.ask(machine.url("airflow-api-server", "/api/v2/dags")).status == 401

    def test_its_database_user_may_do_no_more_than_it_needs(self, site: Site, machine: Machine) -> None:
        grants = " ".join(row[0] for row in site.mysql.execute("SHOW GRANTS FOR `airflow`@`%`"))
        assert "GRANT USAGE ON *.*" in grants
        assert grants.count(" ON `") == 1
        assert "GRANT OPTION" not in grants

    def test_every_connection_to_the_database_is_encrypted(self, site: Site, machine: Machine) -> None:
        connections = site.mysql.execute(
            "SELECT t.connection_type FROM performance_schema.threads t WHERE t.processlist_user = 'airflow'"
        )
        assert {kind for (kind,) in connections} == {"SSL/TLS"}

    def test_its_state_lives_in_mysql_and_not_on_its_disk(self, machine: Machine) -> None:
        assert not [*machine.disk.rglob("*.db"), *machine.disk.rglob("*.sqlite*")]
