from typing import ClassVar

import pytest

from tests.images.common import MachineSpecs
from tests.images.machine import Machine
from tests.images.site import Site

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]


class TestServing(MachineSpecs):
    role: ClassVar[str] = "serving"

    def test_the_model_server_asks_for_a_key(self, site: Site, machine: Machine) -> None:
        url = machine.url("fastapi", "/models")
        assert machine.client.ask(url).status == 401
        assert machine.client.ask(url, headers={"X-API-Key": "wrong"}).status == 401

    def test_it_is_up_but_not_ready_while_the_registry_is_away(self, site: Site, machine: Machine) -> None:
        assert machine.client.ask(machine.url("fastapi", "/healthz")).status == 200
        assert machine.client.ask(machine.url("fastapi", "/readyz")).status == 503
        answer = machine.client.ask(
            machine.url("fastapi", "/models"), headers={"X-API-Key": site.secret("clients_key")}
        )
        assert answer.status == 503, answer.body

    def test_the_page_and_the_dashboard_are_served(self, machine: Machine) -> None:
        page = machine.client.ask(machine.url("flask", "/"))
        assert (page.status, b"<html" in page.body) == (200, True)
        assert machine.client.ask(machine.url("streamlit", "/")).status == 200
