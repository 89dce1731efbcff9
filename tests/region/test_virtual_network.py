from collections.abc import Callable
from typing import Any

import pytest
from oci.core import VirtualNetworkClient, models
from oci.exceptions import ServiceError

from tests.region.region import Region

Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def network(connect: Connect) -> Any:
    return connect(VirtualNetworkClient)


@pytest.fixture
def vcn(region: Region, network: Any) -> Any:
    details = models.CreateVcnDetails(
        compartment_id=region.compartment, cidr_blocks=["10.0.0.0/16"], dns_label="sim"
    )
    return network.create_vcn(details).data


def subnet(vcn: Any, block: str, **fields: Any) -> models.CreateSubnetDetails:
    return models.CreateSubnetDetails(
        compartment_id=vcn.compartment_id, vcn_id=vcn.id, cidr_block=block, **fields
    )


def refused(status: int, words: str) -> Any:
    return pytest.raises(ServiceError, match=f"(?s){status}.*{words}")


def test_a_vcn_is_made_with_its_defaults_and_goes_with_them(network: Any, vcn: Any) -> None:
    assert (vcn.lifecycle_state, vcn.vcn_domain_name) == ("PROVISIONING", "sim.oraclevcn.com")
    assert network.get_vcn(vcn.id).data.lifecycle_state == "AVAILABLE"
    rules = network.get_security_list(vcn.default_security_list_id).data
    assert rules.ingress_security_rules[0].tcp_options.destination_port_range.max == 22
    assert network.get_route_table(vcn.default_route_table_id).data.route_rules == []
    network.delete_vcn(vcn.id)
    with refused(404, "not found"):
        network.get_vcn(vcn.id)
    with refused(404, "not found"):
        network.get_security_list(vcn.default_security_list_id)


def test_a_state_in_between_is_seen_with_no_sleep(region: Region, network: Any, vcn: Any) -> None:
    region.resources.durations["subnet"] = 30
    region.resources.clock.stop()
    try:
        made = network.create_subnet(subnet(vcn, "10.0.9.0/24")).data
        assert network.get_subnet(made.id).data.lifecycle_state == "PROVISIONING"
        with refused(409, "PROVISIONING"):
            network.update_subnet(made.id, models.UpdateSubnetDetails(display_name="x"))
        region.resources.clock.advance(30)
        assert network.get_subnet(made.id).data.lifecycle_state == "AVAILABLE"
    finally:
        region.resources.clock.run()
        del region.resources.durations["subnet"]


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("10.1.0.0/24", "not within"),
        ("10.0.0.128/25", "overlaps"),
        ("10.0.0.1/24", "host bits"),
        ("10.0.2.0/31", "between /16 and /30"),
    ],
)
def test_a_subnet_lies_within_its_vcn_and_apart_from_others(
    network: Any, vcn: Any, block: str, words: str
) -> None:
    network.create_subnet(subnet(vcn, "10.0.0.0/24"))
    with refused(400, words):
        network.create_subnet(subnet(vcn, block))


def test_what_does_not_exist_cannot_be_referred_to(network: Any, vcn: Any) -> None:
    with refused(400, "OCID of a routetable"):
        network.create_subnet(subnet(vcn, "10.0.0.0/24", route_table_id="nothing"))
    missing = "ocid1.routetable.oc99.sim-1.0"
    with refused(404, missing):
        network.create_subnet(subnet(vcn, "10.0.0.0/24", route_table_id=missing))


def test_what_is_in_use_cannot_be_deleted(network: Any, vcn: Any) -> None:
    gateway = network.create_internet_gateway(
        models.CreateInternetGatewayDetails(compartment_id=vcn.compartment_id, vcn_id=vcn.id, is_enabled=True)
    ).data
    rule = models.RouteRule(destination="0.0.0.0/0", network_entity_id=gateway.id)
    table = network.create_route_table(
        models.CreateRouteTableDetails(compartment_id=vcn.compartment_id, vcn_id=vcn.id, route_rules=[rule])
    ).data
    made = network.create_subnet(subnet(vcn, "10.0.0.0/24", route_table_id=table.id)).data
    for delete, resource_id in (
        (network.delete_vcn, vcn.id),
        (network.delete_internet_gateway, gateway.id),
        (network.delete_route_table, table.id),
        (network.delete_security_list, vcn.default_security_list_id),
    ):
        with refused(409, "in use"):
            delete(resource_id)
    network.delete_subnet(made.id)
    network.delete_route_table(table.id)
    network.delete_internet_gateway(gateway.id)
    network.delete_vcn(vcn.id)


def test_oracles_services_are_reached_through_a_service_gateway_only(network: Any, vcn: Any) -> None:
    service = next(each for each in network.list_services().data if each.name.startswith("All"))
    gateway = network.create_service_gateway(
        models.CreateServiceGatewayDetails(
            compartment_id=vcn.compartment_id,
            vcn_id=vcn.id,
            services=[models.ServiceIdRequestDetails(service_id=service.id)],
        )
    ).data
    assert gateway.services[0].service_name == service.name

    def route(destination: str, kind: str) -> Any:
        rule = models.RouteRule(destination=destination, destination_type=kind, network_entity_id=gateway.id)
        return network.create_route_table(
            models.CreateRouteTableDetails(
                compartment_id=vcn.compartment_id, vcn_id=vcn.id, route_rules=[rule]
            )
        )

    route(service.cidr_block, "SERVICE_CIDR_BLOCK")
    with refused(400, "SERVICE_CIDR_BLOCK only"):
        route("0.0.0.0/0", "CIDR_BLOCK")
    with refused(400, "no service"):
        route("oci-sim-objectstorage", "SERVICE_CIDR_BLOCK")


def test_rules_of_a_group_are_checked_kept_and_removed(network: Any, vcn: Any) -> None:
    def group() -> str:
        return str(
            network.create_network_security_group(
                models.CreateNetworkSecurityGroupDetails(compartment_id=vcn.compartment_id, vcn_id=vcn.id)
            ).data.id
        )

    def add(group_id: str, **fields: Any) -> Any:
        rule = models.AddSecurityRuleDetails(direction="INGRESS", **{"protocol": "6", **fields})
        return network.add_network_security_group_security_rules(
            group_id, models.AddNetworkSecurityGroupSecurityRulesDetails(security_rules=[rule])
        ).data.security_rules[0]

    app, balancer = group(), group()
    rule = add(app, source=balancer, source_type="NETWORK_SECURITY_GROUP")
    rules = network.list_network_security_group_security_rules(app).data
    assert [(each.id, each.is_valid) for each in rules] == [(rule.id, True)]
    for fields, words in (
        ({}, "source is required"),
        ({"source": "anywhere"}, "CIDR block"),
        ({"source": "0.0.0.0/0", "protocol": "tcp"}, "protocol must be"),
        ({"source": "0.0.0.0/0", "protocol": "17", "tcp_options": models.TcpOptions()}, "protocol 6 only"),
    ):
        with refused(400, words):
            add(app, **fields)
    network.delete_network_security_group(balancer)
    assert not network.list_network_security_group_security_rules(app).data[0].is_valid
    removal = models.RemoveNetworkSecurityGroupSecurityRulesDetails(security_rule_ids=[rule.id])
    network.remove_network_security_group_security_rules(app, removal)
    assert network.list_network_security_group_security_rules(app).data == []


def test_lists_are_filtered_sorted_and_paged(region: Region, network: Any) -> None:
    for name in ("list-b", "list-a", "list-c"):
        network.create_vcn(
            models.CreateVcnDetails(
                compartment_id=region.compartment, cidr_block="10.0.0.0/16", display_name=name
            )
        )
    page = network.list_vcns(region.compartment, sort_by="DISPLAYNAME", limit=500).data
    names = [each.display_name for each in page if each.display_name.startswith("list-")]
    assert names == ["list-a", "list-b", "list-c"]
    first = network.list_vcns(region.compartment, limit=1)
    assert (len(first.data), first.has_next_page) == (1, True)
    assert network.list_vcns(region.compartment, limit=1, page="").data == first.data
    only = network.list_vcns(region.compartment, display_name="list-b").data
    assert [each.display_name for each in only] == ["list-b"]


def test_a_stale_etag_and_a_repeated_request(region: Region, network: Any) -> None:
    details = models.CreateVcnDetails(compartment_id=region.compartment, cidr_block="10.0.0.0/16")
    first = network.create_vcn(details, opc_retry_token="once").data
    assert network.create_vcn(details, opc_retry_token="once").data.id == first.id
    stale = network.get_vcn(first.id).headers["etag"]
    network.update_vcn(first.id, models.UpdateVcnDetails(display_name="new"), if_match=stale)
    with refused(412, "if-match"):
        network.update_vcn(first.id, models.UpdateVcnDetails(display_name="newer"), if_match=stale)
