import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import oci
import pytest
from oci.core import VirtualNetworkClient
from oci.core.models import (
    CreateNetworkSecurityGroupDetails,
    CreateSubnetDetails,
    CreateVcnDetails,
)
from oci.mysql import DbBackupsClient, DbSystemClient, MysqlaasClient, WorkRequestsClient
from oci.mysql.models import (
    CreateBackupPolicyDetails,
    CreateDbSystemDetails,
    CreateDeletionPolicyDetails,
    DataStorageDetails,
    PitrPolicy,
    UpdateBackupPolicyDetails,
    UpdateDbSystemDetails,
    UpdateDeletionPolicyDetails,
)

from tests.region import network as namespaces
from tests.region.mysql import MySQL
from tests.region.mysql_service import Asked
from tests.region.region import Region
from tests.region.test_vault import Connect, refusal

PASSWORD = "Aa1-longer"


@pytest.fixture(scope="module")
def systems(connect: Connect) -> Any:
    return connect(DbSystemClient)


@pytest.fixture(scope="module")
def network(connect: Connect) -> Any:
    return connect(VirtualNetworkClient)


@pytest.fixture(scope="module")
def vcn(network: Any, region: Region) -> Any:
    asked = CreateVcnDetails(compartment_id=region.compartment, cidr_blocks=["10.0.0.0/16"], dns_label="net")
    return network.create_vcn(asked).data


@pytest.fixture(scope="module")
def subnet(network: Any, region: Region, vcn: Any) -> Any:
    asked = CreateSubnetDetails(
        compartment_id=region.compartment, vcn_id=vcn.id, cidr_block="10.0.1.0/24", dns_label="data"
    )
    return network.create_subnet(asked).data


@pytest.fixture
def create(systems: Any, region: Region, subnet: Any) -> Iterator[Callable[..., Any]]:
    made: list[str] = []

    def create(**details: Any) -> Any:
        asked = {
            "compartment_id": region.compartment,
            "subnet_id": subnet.id,
            "shape_name": "MySQL.2",
            "admin_username": "admin",
            "admin_password": PASSWORD,
        } | details
        answer = systems.create_db_system(CreateDbSystemDetails(**asked))
        made.append(answer.data.id)
        return answer

    yield create
    open_to_all = UpdateDeletionPolicyDetails(is_delete_protected=False)
    for system_id in made:
        if systems.get_db_system(system_id).data.lifecycle_state == "ACTIVE":
            systems.update_db_system(system_id, UpdateDbSystemDetails(deletion_policy=open_to_all))
            systems.get_db_system(system_id)
            systems.delete_db_system(system_id)


def test_a_db_system_comes_up_and_goes(
    connect: Connect, systems: Any, create: Callable[..., Any], region: Region
) -> None:
    answer = create(hostname_label="db", display_name="platform")
    assert answer.data.lifecycle_state == "CREATING"
    system = systems.get_db_system(answer.data.id).data
    assert (system.lifecycle_state, system.data_storage_size_in_gbs) == ("ACTIVE", 50)
    assert system.endpoints[0].hostname == "db.data.net.oraclevcn.com"
    assert system.endpoints[0].ip_address == system.ip_address
    assert system.mysql_version.startswith("8.4.")
    work = connect(WorkRequestsClient).get_work_request(answer.headers["opc-work-request-id"]).data
    assert (work.status, work.resources[0].identifier) == ("SUCCEEDED", system.id)
    listed = systems.list_db_systems(region.compartment, display_name="platform").data
    assert [each.id for each in listed] == [system.id]
    systems.delete_db_system(system.id)
    assert systems.get_db_system(system.id).data.lifecycle_state == "DELETED"


def test_states_are_seen_while_they_last(systems: Any, create: Callable[..., Any], region: Region) -> None:
    region.resources.durations["mysqldbsystem"] = 900
    region.resources.clock.stop()
    try:
        system = create().data
        assert systems.get_db_system(system.id).data.lifecycle_state == "CREATING"
        assert refusal(lambda: systems.delete_db_system(system.id))[0] == 409
        region.resources.clock.advance(900)
        assert systems.get_db_system(system.id).data.lifecycle_state == "ACTIVE"
    finally:
        region.resources.durations.clear()
        region.resources.clock.run()


def test_an_update_keeps_what_it_does_not_name(systems: Any, create: Callable[..., Any]) -> None:
    policy = CreateBackupPolicyDetails(
        is_enabled=True, retention_in_days=7, pitr_policy=PitrPolicy(is_enabled=True)
    )
    system = create(backup_policy=policy).data
    systems.get_db_system(system.id)
    longer = UpdateBackupPolicyDetails(retention_in_days=14)
    systems.update_db_system(system.id, UpdateDbSystemDetails(backup_policy=longer, shape_name="MySQL.4"))
    changed = systems.get_db_system(system.id).data
    assert (changed.backup_policy.retention_in_days, changed.shape_name) == (14, "MySQL.4")
    assert changed.backup_policy.pitr_policy.is_enabled
    assert changed.backup_policy.window_start_time == "00:00"
    assert changed.configuration_id != system.configuration_id
    smaller = UpdateDbSystemDetails(data_storage_size_in_gbs=40)
    assert refusal(lambda: systems.update_db_system(system.id, smaller))[0] == 400


def test_a_protected_db_system_stays_and_leaves_a_final_backup(
    connect: Connect, systems: Any, create: Callable[..., Any], region: Region
) -> None:
    policy = CreateDeletionPolicyDetails(is_delete_protected=True, final_backup="REQUIRE_FINAL_BACKUP")
    system = create(deletion_policy=policy).data
    systems.get_db_system(system.id)
    status, message = refusal(lambda: systems.delete_db_system(system.id))
    assert (status, "delete protected" in message) == (409, True)
    unprotected = UpdateDeletionPolicyDetails(is_delete_protected=False)
    systems.update_db_system(system.id, UpdateDbSystemDetails(deletion_policy=unprotected))
    systems.get_db_system(system.id)
    systems.delete_db_system(system.id)
    backups = connect(DbBackupsClient)
    (backup,) = backups.list_backups(compartment_id=region.compartment, db_system_id=system.id).data
    assert (backup.creation_type, backup.lifecycle_state) == ("FINAL", "ACTIVE")
    backups.delete_backup(backup.id)
    assert backups.list_backups(compartment_id=region.compartment, db_system_id=system.id).data == []


@pytest.mark.parametrize(
    ("details", "word"),
    [
        ({"shape_name": "MySQL.3"}, "shapeName"),
        ({"mysql_version": "5.7.1"}, "mysqlVersion"),
        ({"data_storage_size_in_gbs": 49}, "dataStorageSizeInGBs"),
        ({"shape_name": "MySQL.Free", "is_highly_available": True}, "MySQL.Free"),
        ({"admin_password": "tooweak1"}, "adminPassword"),
        ({"admin_password": None}, "adminPassword"),
        ({"admin_username": "root"}, "adminUsername"),
        ({"backup_policy": CreateBackupPolicyDetails(retention_in_days=36)}, "retentionInDays"),
        (
            {
                "backup_policy": CreateBackupPolicyDetails(
                    is_enabled=False, pitr_policy=PitrPolicy(is_enabled=True)
                )
            },
            "point-in-time",
        ),
        (
            {
                "data_storage": DataStorageDetails(
                    is_auto_expand_storage_enabled=True, max_storage_size_in_gbs=20
                )
            },
            "maxStorageSizeInGBs",
        ),
        ({"ip_address": "10.9.0.1"}, "10.9.0.1"),
    ],
)
def test_what_mysql_does_not_offer_is_refused(
    create: Callable[..., Any], details: dict[str, Any], word: str
) -> None:
    status, message = refusal(lambda: create(**details))
    assert (status, word in message) == (400, True), message


def test_a_security_group_is_of_the_subnets_network(
    create: Callable[..., Any], network: Any, region: Region
) -> None:
    asked = CreateVcnDetails(compartment_id=region.compartment, cidr_blocks=["10.1.0.0/16"])
    other = network.create_vcn(asked).data
    group = network.create_network_security_group(
        CreateNetworkSecurityGroupDetails(compartment_id=region.compartment, vcn_id=other.id)
    ).data
    assert refusal(lambda: create(nsg_ids=[group.id]))[0] == 400


def test_what_there_is_to_choose_from(connect: Connect, region: Region) -> None:
    choices = connect(MysqlaasClient)
    shapes = {each.name: each for each in choices.list_shapes(region.compartment).data}
    assert shapes["MySQL.4"].memory_size_in_gbs == 32
    assert [each.version_family for each in choices.list_versions(region.compartment).data] == ["8.4", "9"]
    (found,) = choices.list_configurations(compartment_id=region.compartment, shape_name="MySQL.8").data
    assert choices.get_configuration(found.id).data.type == "DEFAULT"


def test_a_real_server_is_started_and_stopped_with_its_system(
    systems: Any, create: Callable[..., Any], region: Region
) -> None:
    told: list[Asked] = []
    up, over = threading.Event(), threading.Event()

    @contextmanager
    def database(asked: Asked) -> Iterator[None]:
        told.append(asked)
        up.wait(10)
        yield
        over.set()

    region.data.db_systems.databases = database
    try:
        system = create(hostname_label="real").data
        assert systems.get_db_system(system.id).data.lifecycle_state == "CREATING"
        up.set()
        while (found := systems.get_db_system(system.id).data).lifecycle_state == "CREATING":
            pass
        assert found.lifecycle_state == "ACTIVE"
        assert (told[0].username, told[0].password, told[0].address) == ("admin", PASSWORD, found.ip_address)
        assert told[0].hostname == "real.data.net.oraclevcn.com"
        systems.delete_db_system(system.id)
        assert over.is_set()
    finally:
        region.data.db_systems.databases = None


def test_a_server_that_does_not_come_up_fails_its_system(
    systems: Any, create: Callable[..., Any], region: Region
) -> None:
    @contextmanager
    def database(asked: Asked) -> Iterator[None]:
        if asked.port:
            raise RuntimeError("no space left")
        yield

    region.data.db_systems.databases = database
    try:
        system = create().data
        while (found := systems.get_db_system(system.id).data).lifecycle_state == "CREATING":
            pass
        assert (found.lifecycle_state, found.lifecycle_details) == ("FAILED", "no space left")
    finally:
        region.data.db_systems.databases = None


@pytest.mark.root
@pytest.mark.skipif(namespaces.available() is not None, reason=namespaces.available() or "")
def test_behind_a_db_system_a_real_mysql_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    region = Region(tmp_path)
    for name, value in region.environment.items():
        monkeypatch.setenv(name, value)
    servers: list[MySQL] = []
    with region.on_network() as network, region.on_loopback() as loopback:

        def database(asked: Asked) -> MySQL:
            place = network.join(asked.address).command()
            names = [asked.hostname]
            folder = tmp_path / "mysql"
            servers.append(
                MySQL(folder, asked.address, asked.port, place, names=names, password=asked.password)
            )
            return servers[0]

        region.data.db_systems.databases = database
        config = oci.config.from_file(str(region.config_file(region.add_user(administrator=True))))
        systems, networks = (
            kind(config, service_endpoint=loopback.endpoint)
            for kind in (DbSystemClient, VirtualNetworkClient)
        )
        asked_vcn = CreateVcnDetails(
            compartment_id=region.compartment, cidr_blocks=["10.0.0.0/16"], dns_label="net"
        )
        vcn = networks.create_vcn(asked_vcn).data
        asked_subnet = CreateSubnetDetails(
            compartment_id=region.compartment, vcn_id=vcn.id, cidr_block="10.0.3.0/24", dns_label="data"
        )
        asked = CreateDbSystemDetails(
            compartment_id=region.compartment,
            subnet_id=networks.create_subnet(asked_subnet).data.id,
            shape_name="MySQL.2",
            admin_username="admin",
            admin_password=PASSWORD,
            hostname_label="db",
        )
        system = systems.create_db_system(asked).data
        answer = oci.wait_until(
            systems,
            systems.get_db_system(system.id),
            evaluate_response=lambda found: found.data.lifecycle_state != "CREATING",
            max_interval_seconds=1,
        )
        assert answer.data.lifecycle_state == "ACTIVE", answer.data.lifecycle_details
        client = network.join("10.0.3.200")
        connect = f"import pymysql; print(pymysql.connect(host='{answer.data.ip_address}', user='admin', \
password='{PASSWORD}', ssl={{'ca': '{servers[0].authority}'}}).get_server_info())"
        said = subprocess.run(
            client.command(sys.executable, "-c", connect), capture_output=True, text=True, check=False
        )
        assert said.returncode == 0, said.stderr
        systems.delete_db_system(system.id)
        for each in (systems, networks):
            each.base_client.session.close()
