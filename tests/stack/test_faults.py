"""What OCI does now and then, while the stack is applied: a clear error, and a clean second apply."""

import re
from collections.abc import Iterator

import pytest
from oci.mysql import DbSystemClient

from tests.images.common import until
from tests.region import console
from tests.region.region import Region
from tests.stack.deployment import Deployment, JobFailed

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]

SHAPE = "VM.Standard.E4.Flex"
KINDS = {"vault": "oci_kms_vault.this", "mysqldbsystem": "oci_mysql_mysql_db_system.this"}
"""Kinds of the region → what the stack calls the one that it has."""


@pytest.fixture(autouse=True)
def _nothing_before_and_nothing_after(deployment: Deployment) -> Iterator[None]:
    yield
    deployment.region.faults.clear()
    deployment.destroy()
    assert deployment.left() == set()


def failing(deployment: Deployment) -> str:
    with pytest.raises(JobFailed) as failed:
        deployment.apply()
    return str(failed.value)


def applies_cleanly(deployment: Deployment) -> None:
    deployment.apply()
    assert deployment.plan() == {}


def test_what_passes_by_itself_is_tried_again(region: Region, deployment: Deployment) -> None:
    region.faults.add("CreateVcn", 429, "TooManyRequests")
    region.faults.add("CreateSubnet", 500, "InternalServerError")
    region.faults.add("CreateBucket", 409, "Conflict")
    region.faults.add("CreateBackend", 409, "Conflict", message="Another change is under way.")
    applies_cleanly(deployment)


def test_a_domain_without_room_is_said_and_another_one_is_taken(
    region: Region, deployment: Deployment
) -> None:
    first, second, _ = region.infrastructure.places.availability_domains
    region.infrastructure.places.out_of_capacity = {(first, SHAPE)}
    assert "Out of host capacity" in failing(deployment)
    deployment.edit(availability_domain=second)
    applies_cleanly(deployment)
    assert deployment.outputs["availability_domain"] == second
    region.infrastructure.places.out_of_capacity = set()
    deployment.edit(availability_domain="")


def test_each_refusal_is_said_with_its_code(region: Region, deployment: Deployment) -> None:
    """One apply after the other, each going on where the last one was refused."""
    refused = (
        {"CreateVault": (400, "LimitExceeded"), "CreateLoadBalancer": (400, "LimitExceeded")},
        {"CreateDbSystem": (400, "LimitExceeded")},
        {"CreateCertificateAuthority": (404, "NotAuthorizedOrNotFound")},
    )
    for faults in refused:
        for operation, (status, code) in faults.items():
            region.faults.add(operation, status, code, times=100)
        said = failing(deployment)
        region.faults.clear()
        for operation, (status, code) in faults.items():
            assert f"{status}-{code}, {operation} was told to fail." in said
    applies_cleanly(deployment)


def test_a_canceled_job_is_followed_by_a_clean_one(region: Region, deployment: Deployment) -> None:
    stopped_while_creating(region, deployment, "vault", forced=False)
    applies_cleanly(deployment)


def test_a_killed_job_is_followed_by_a_clean_one(region: Region, deployment: Deployment) -> None:
    """Terraform could not note down what it was making: a vault is left, and costs nothing."""
    stopped_while_creating(region, deployment, "vault", forced=True)
    applies_cleanly(deployment)
    deployment.destroy()
    assert deployment.left() == {"vault"}
    forget(region, "vault")


def test_what_a_killed_job_left_and_is_in_the_way_is_named(region: Region, deployment: Deployment) -> None:
    """docs/deploy.md, *Troubleshooting*: delete it, and apply again."""
    stopped_while_creating(region, deployment, "mysqldbsystem", forced=True)
    assert "The hostnameLabel db is in use" in failing(deployment)
    (system,) = (each.id for each in region.resources.left() if each.kind.name == "mysqldbsystem")
    deployment.client(DbSystemClient).delete_db_system(system)
    applies_cleanly(deployment)


def stopped_while_creating(region: Region, deployment: Deployment, kind: str, *, forced: bool) -> None:
    """Cancel an apply job while it waits for one resource and for no other, which is there soon after.

    Terraform waits for what it is creating, unless it is killed.
    """
    region.resources.durations[kind] = 3600
    job = console.start(deployment.manager, deployment.stack, "APPLY")
    until(lambda: waits_for(console.log(deployment.manager, job.id)) == {KINDS[kind]}, 120)
    deployment.manager.cancel_job(job.id, is_forced=forced)
    region.resources.durations.clear()
    for each in region.resources.left():
        each.due = 0.0
    with pytest.raises(JobFailed, match="CANCELED"):
        deployment.end(job.id)


def waits_for(log: str) -> set[str]:
    """What Terraform has been creating for ten seconds, with whatever it creates besides."""
    if "Still creating..." not in log:
        return set()
    return set(re.findall(r"\[INFO\] (.+): Creating\.\.\.", log)) - set(
        re.findall(r"\[INFO\] (.+): Creation complete", log)
    )


def forget(region: Region, kind: str) -> None:
    for each in region.resources.left():
        if each.kind.name == kind:
            each.move(each.kind.deleted, None, 0.0)
