from collections.abc import Callable, Iterator
from typing import Any

import pytest
from oci.exceptions import ServiceError
from oci.identity import IdentityClient, models

from tests.region import statements
from tests.region.errors import ServiceError as Refusal
from tests.region.policies import Verb
from tests.region.region import Region

Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def identity(connect: Connect) -> Any:
    return connect(IdentityClient)


@pytest.fixture
def group(region: Region, identity: Any) -> Iterator[Any]:
    details = models.CreateDynamicGroupDetails(
        compartment_id=region.tenancy,
        name="machines",
        description="Machines",
        matching_rule=f"ALL {{instance.compartment.id = '{region.compartment}'}}",
    )
    made = identity.create_dynamic_group(details).data
    yield made
    identity.delete_dynamic_group(made.id)


def policy(region: Region, *texts: str, compartment: str | None = None) -> models.CreatePolicyDetails:
    return models.CreatePolicyDetails(
        compartment_id=compartment or region.compartment,
        name=f"policy{len(texts)}",
        description="Test",
        statements=list(texts),
    )


def test_the_home_region_is_found_as_stacks_find_it(region: Region, identity: Any) -> None:
    tenancy = identity.get_tenancy(region.tenancy).data
    (home,) = [each for each in identity.list_regions().data if each.key == tenancy.home_region_key]
    assert home.name == region.name
    (subscribed,) = identity.list_region_subscriptions(region.tenancy).data
    assert subscribed.is_home_region
    domains = identity.list_availability_domains(region.tenancy).data
    assert len({each.name for each in domains}) == 3
    faults = identity.list_fault_domains(region.compartment, domains[0].name).data
    assert [each.name for each in faults] == ["FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"]
    assert identity.get_compartment(region.compartment).data.compartment_id == region.tenancy
    assert [each.id for each in identity.list_compartments(region.tenancy).data] == [region.compartment]


def test_a_policy_takes_effect_until_it_is_deleted(region: Region, identity: Any, group: Any) -> None:
    machine = region.launch("10.9.9.1").id
    where = f"in compartment id {region.compartment} where target.bucket.name = 'models'"
    text = f"Allow dynamic-group {group.name} to manage objects {where}"
    made = identity.create_policy(policy(region, text)).data
    assert region.policies.permit(machine, Verb.MANAGE, "objects", "models")
    assert not region.policies.permit(machine, Verb.MANAGE, "objects", "others")
    assert not region.policies.permit(machine, Verb.READ, "buckets", "models")
    assert not region.policies.permit("ocid1.user.oc99..somebody", Verb.READ, "objects", "models")
    lesser = models.UpdatePolicyDetails(statements=[text.replace("manage", "read")])
    identity.update_policy(made.id, lesser)
    assert not region.policies.permit(machine, Verb.MANAGE, "objects", "models")
    assert region.policies.permit(machine, Verb.READ, "objects", "models")
    identity.delete_policy(made.id)
    assert not region.policies.permit(machine, Verb.READ, "objects", "models")


def test_a_machine_that_the_rule_leaves_out_has_no_right(region: Region, identity: Any, group: Any) -> None:
    machine = region.launch("10.9.9.2").id
    text = f"Allow dynamic-group id {group.id} to read secret-family in compartment simulated"
    made = identity.create_policy(policy(region, text)).data
    assert region.policies.permit(machine, Verb.READ, "secret-bundles", "ocid1.vaultsecret.oc99..x")
    rule = models.UpdateDynamicGroupDetails(matching_rule="ANY {instance.id = 'ocid1.instance.oc99..other'}")
    identity.update_dynamic_group(group.id, rule)
    assert not region.policies.permit(machine, Verb.READ, "secret-bundles", "ocid1.vaultsecret.oc99..x")
    identity.delete_policy(made.id)


def test_a_service_and_any_user_are_subjects(region: Region, identity: Any) -> None:
    made = identity.create_policy(
        policy(
            region,
            "Allow service objectstorage-sim-1 to manage object-family in tenancy",
            "Allow any-user to read buckets in tenancy where all {target.bucket.name = /public-*/, "
            "request.principal.type = 'instance'}",
            compartment=region.tenancy,
        )
    ).data
    machine = region.launch("10.9.9.3").id
    assert region.policies.permit("objectstorage-sim-1", Verb.MANAGE, "objects", "any")
    assert region.policies.permit(machine, Verb.READ, "buckets", "public-data")
    assert not region.policies.permit(machine, Verb.READ, "buckets", "private")
    assert not region.policies.permit("ocid1.user.oc99..somebody", Verb.READ, "buckets", "public-data")
    identity.delete_policy(made.id)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Let us in", "it is not 'allow SUBJECT"),
        ("Allow any-user to own buckets in tenancy", "'own' is none of the verbs"),
        ("Allow any-user to read cheese in tenancy", "'cheese' is no resource type"),
        ("Allow any-user to read buckets in tenancy where x", "'x' is not VARIABLE"),
        (
            "Allow any-user to read buckets in tenancy where moon.phase = 'full'",
            "'moon.phase' is no variable",
        ),
    ],
)
def test_what_cannot_be_parsed_is_named(text: str, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        statements.statement(text)
    assert refused.value.status == 400


def test_a_policy_is_for_what_exists_and_what_it_reaches(region: Region, identity: Any) -> None:
    for text, words in (
        ("Allow any-user to read buckets in compartment nowhere", "does not exist"),
        (
            "Allow dynamic-group ghosts to read buckets in compartment simulated",
            "ghosts, which does not exist",
        ),
        ("Allow any-user to read buckets in tenancy", "attach its policy to that"),
    ):
        with pytest.raises(ServiceError, match=f"(?s)400.*{words}"):
            identity.create_policy(policy(region, text))


def test_a_dynamic_group_is_of_the_tenancy_and_has_a_name_of_its_own(
    region: Region, identity: Any, group: Any
) -> None:
    def details(**fields: str) -> models.CreateDynamicGroupDetails:
        given = {"compartment_id": region.tenancy, "name": "more", "matching_rule": group.matching_rule}
        return models.CreateDynamicGroupDetails(description="x", **{**given, **fields})

    with pytest.raises(ServiceError, match=r"(?s)400.*must be the tenancy"):
        identity.create_dynamic_group(details(compartment_id=region.compartment))
    with pytest.raises(ServiceError, match=r"(?s)409.*already"):
        identity.create_dynamic_group(details(name=group.name))
    with pytest.raises(ServiceError, match=r"(?s)400.*cannot be parsed"):
        identity.create_dynamic_group(details(matching_rule="everyone"))


def test_a_new_policy_is_heard_of_later(region: Region, identity: Any) -> None:
    region.policies.propagation = 3600
    made = identity.create_policy(
        policy(region, f"Allow any-user to read buckets in compartment id {region.compartment}")
    ).data
    assert not region.policies.permit("ocid1.user.oc99..somebody", Verb.READ, "buckets", "any")
    region.policies.propagation = 0
    identity.delete_policy(made.id)
