import base64
from typing import ClassVar

import pytest

from tests.images.client import Answer
from tests.images.common import MachineSpecs
from tests.images.machine import Machine
from tests.images.site import BUCKET, Site

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]

EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=5"


def signed_in(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


class TestMlflow(MachineSpecs):
    role: ClassVar[str] = "mlflow"

    def ask(self, machine: Machine, headers: dict[str, str]) -> Answer:
        return machine.client.ask(machine.url("mlflow", EXPERIMENTS), headers=headers)

    def test_it_lets_in_whom_the_secrets_name(self, site: Site, machine: Machine) -> None:
        people = {
            "admin": "mlflow admin",
            "airflow": "airflow's password",
            "model-server": "model_server",
            "dashboard": "dashboard",
        }
        for user, purpose in people.items():
            assert self.ask(machine, signed_in(user, site.secret(purpose))).status == 200, user
        assert self.ask(machine, signed_in("admin", "wrong")).status == 401
        assert self.ask(machine, {}).status == 401

    def test_it_answers_to_its_own_and_its_public_name_alone(self, site: Site, machine: Machine) -> None:
        admin = signed_in("admin", site.secret("mlflow admin"))
        for host, status in (("mlops.example.org:5000", 200), ("mlops.example.org", 200), ("evil.test", 403)):
            assert self.ask(machine, {**admin, "Host": host}).status == status, host

    def test_its_database_user_may_do_no_more_than_it_needs(self, site: Site, machine: Machine) -> None:
        grants = " ".join(row[0] for row in site.mysql.execute("SHOW GRANTS FOR `mlflow`@`%`"))
        assert "GRANT USAGE ON *.*" in grants
        assert grants.count(" ON `") == 2
        assert "GRANT OPTION" not in grants
        [(ssl_type,)] = site.mysql.execute("SELECT ssl_type FROM mysql.user WHERE user = 'mlflow'")
        assert ssl_type in ("ANY", b"ANY")

    def test_users_live_in_mysql_and_not_on_its_disk(self, site: Site, machine: Machine) -> None:
        assert site.mysql.execute("SELECT COUNT(*) FROM mlflow_users.users")[0][0] == 4
        assert not [*machine.disk.rglob("*.db"), *machine.disk.rglob("*.sqlite*")]

    def test_artifacts_go_to_the_bucket(self, site: Site, machine: Machine) -> None:
        admin = signed_in("admin", site.secret("mlflow admin"))
        path = "/api/2.0/mlflow-artifacts/artifacts/spec/sub/b.txt"
        sent = machine.client.ask(machine.url("mlflow", path), {"a": 1}, method="PUT", headers=admin)
        assert sent.status == 200, sent.body
        assert "artifacts/spec/sub/b.txt" in site.region.object_storage.store.buckets[BUCKET].names()
        got = machine.client.ask(machine.url("mlflow", path), headers=admin)
        assert got.json() == {"a": 1}
