"""The instances' metadata is the contract of services/boot; secrets, ports and ways in fit the services."""

import re

from services.boot.configuration import contract_of
from services.roles import ROLES
from tests.stack.hcl import STACK, stack

INSTANCES = (STACK / "instances.tf").read_text()
SECRETS = (STACK / "secrets.tf").read_text()


def metadata() -> dict[str, list[str]]:
    listed = INSTANCES[INSTANCES.index("metadata = {") : INSTANCES.index("\n}\n")]
    return {
        role: re.findall(r"^ {6}(\w+)\s+=", body, re.M)
        for role, body in re.findall(r"^ {4}(\w+) = \{\n(.*?)^ {4}\}", listed, re.M | re.S)
    }


def test_each_machine_is_told_the_contract_of_its_role_and_nothing_else() -> None:
    expected = {role.name: sorted(contract_of(role.name).known_keys()) for role in ROLES}
    assert {role: sorted(keys) for role, keys in metadata().items()} == expected


def test_every_secret_is_made_and_made_use_of() -> None:
    named = SECRETS[SECRETS.index("toset([") : SECRETS.index("])")]
    made = {*re.findall(r'"([a-z-]+)"', named), "database-admin"}
    assert made == set(re.findall(r'local\.secret_ids\["([a-z-]+)"\]', INSTANCES))


def test_the_load_balancer_knows_every_service_that_listens() -> None:
    listed = re.findall(
        r'= \{ role = "(\w+)", port = (\d+), public_port = \d+, health = "([^"]+)" \}',
        (STACK / "locals.tf").read_text(),
    )
    listening = [
        (role.name, str(service.port), service.health)
        for role in ROLES
        for service in role.services
        if service.port
    ]
    assert sorted(listed) == sorted(listening)


def test_no_security_rule_opens_a_way_in_to_the_world() -> None:
    rules = [
        block
        for block in stack().of("resource")
        if block.labels[0] == "oci_core_network_security_group_security_rule"
    ]
    assert len(rules) > 3
    for rule in rules:
        assert "0.0.0.0/0" not in rule.attributes.get("source", "")
        assert rule.of("tcp_options"), rule.labels


def test_no_secret_is_read_back_into_the_state() -> None:
    assert not [block for block in stack().of("data") if block.labels[0].startswith("oci_secrets_")]


def test_a_renamed_or_moved_stack_keeps_its_database() -> None:
    database = next(
        block for block in stack().of("resource") if block.labels[0] == "oci_mysql_mysql_db_system"
    )
    kept = database.of("lifecycle")[0].attributes["ignore_changes"]
    assert kept == "[admin_password, availability_domain]"
