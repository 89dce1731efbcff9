"""Who may do what: by the stack's own policies, or by what it prints for an administrator."""

from collections.abc import Mapping
from typing import Any

import pytest
from oci.identity import IdentityClient
from oci.identity.models import CreateDynamicGroupDetails, CreatePolicyDetails

from services.roles import ROLES
from tests.region.policies import Verb
from tests.region.region import Region
from tests.stack.deployment import Deployment

pytestmark = [pytest.mark.root, pytest.mark.timeout(600)]

BUCKETS = {"mlflow": "artifacts_bucket", "airflow": "dags_bucket"}


def grant(deployment: Deployment, groups: Mapping[str, str], statements: list[str]) -> None:
    """What an administrator does with it."""
    identity, region = deployment.client(IdentityClient), deployment.region
    for name, rule in groups.items():
        identity.create_dynamic_group(
            CreateDynamicGroupDetails(
                compartment_id=region.tenancy, name=name, description=name, matching_rule=rule
            )
        )
    identity.create_policy(
        CreatePolicyDetails(
            compartment_id=region.compartment,
            name=f"granted-{len(statements)}",
            description="By an administrator",
            statements=statements,
        )
    )


def permitted(region: Region, outputs: Mapping[str, Any]) -> dict[str, set[str]]:
    """Role → the secrets that its machine may read, and the buckets that it may write to."""
    targets = [
        *((Verb.READ, "secret-bundles", name, ocid) for name, ocid in outputs["secrets"].items()),
        *((Verb.MANAGE, "objects", name, outputs[name]) for name in BUCKETS.values()),
    ]
    return {
        role.name: {
            name
            for verb, family, name, target in targets
            if region.policies.permit(outputs["instance_ids"][role.name], verb, family, target)
        }
        for role in ROLES
    }


def test_each_role_reads_its_own_secrets_and_writes_to_its_own_bucket_whoever_grants_it(
    region: Region, deployment: Deployment
) -> None:
    outputs = deployment.apply()
    own = permitted(region, outputs)
    instances = {
        role.name: region.resources.by_id(outputs["instance_ids"][role.name])[0]["metadata"] for role in ROLES
    }
    for role, contract in instances.items():
        named = {name for name, ocid in outputs["secrets"].items() if ocid in contract.values()}
        assert own[role] == named | {BUCKETS[each] for each in (role,) if each in BUCKETS}
    deployment.destroy()

    # docs/deploy.md: these two first, the rest once the machines are there.
    compartment = region.compartment
    inside = f"in compartment id {compartment}"
    grant(
        deployment,
        {
            "mlops-authority": "ALL {resource.type = 'certificateauthority', "
            f"resource.compartment.id = '{compartment}'}}"
        },
        [
            f"allow dynamic-group mlops-authority to use keys {inside}",
            f"allow service objectstorage-{region.name} to manage object-family {inside}",
        ],
    )
    deployment.edit(create_iam=False)
    outputs = deployment.apply()
    assert set().union(*permitted(region, outputs).values()) == set()
    statements = outputs["iam_statements"]
    grant(deployment, statements["dynamic_groups"], statements["statements"])
    assert permitted(region, outputs) == own
    assert deployment.plan() == {}
