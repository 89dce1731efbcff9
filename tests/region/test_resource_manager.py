import base64
import io
import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import oci
import pytest
from oci.exceptions import ServiceError
from oci.resource_manager import ResourceManagerClient
from oci.resource_manager.models import (
    UpdateStackDetails,
    UpdateZipUploadConfigSourceDetails,
)

from tests.region import console
from tests.region import network as namespaces
from tests.region.console import job, log, start, until, zipped
from tests.region.region import Loopback, Region, User
from tests.region.terraform import missing, terraform
from tests.region.test_vault import Connect, refusal

TINY = {"main.tf": 'variable "region" {}\nresource "terraform_data" "one" { input = var.region }\n'}
SCHEMA = "schemaVersion: 1.1.0\nvariables: {}\n"
BUCKET = """
terraform {
  required_providers {
    oci = { source = "oracle/oci" }
  }
}
provider "oci" { region = var.region }
variable "region" {}
variable "compartment_ocid" {}
data "oci_objectstorage_namespace" "own" {}
resource "terraform_data" "name" { input = "made-by-a-job" }
resource "oci_objectstorage_bucket" "one" {
  compartment_id = var.compartment_ocid
  namespace      = data.oci_objectstorage_namespace.own.namespace
  name           = terraform_data.name.output
}
output "bucket" { value = oci_objectstorage_bucket.one.name }
"""
PURGE = """
resource "terraform_data" "purge" {
  input = "--bucket-name ${oci_objectstorage_bucket.one.name}"
  provisioner "local-exec" {
    when    = destroy
    command = "oci os object bulk-delete-versions --force ${self.output}"
  }
}
"""
WAITING = """
resource "terraform_data" "first" { input = "kept" }
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "echo waiting; exec cat %s" }
}
"""

needs_terraform = pytest.mark.skipif(terraform() is None, reason=missing() or "")


def client_for(region: Region, user: User, loopback: Loopback) -> ResourceManagerClient:
    return ResourceManagerClient(
        oci.config.from_file(str(region.config_file(user))),
        service_endpoint=loopback.endpoint,
        retry_strategy=oci.retry.NoneRetryStrategy(),
    )


@pytest.fixture(scope="module")
def manager(connect: Connect) -> Any:
    return connect(ResourceManagerClient)


def stack(manager: ResourceManagerClient, region: Region, files: Mapping[str, str], **details: Any) -> str:
    return console.stack(manager, region.compartment, zipped(files), **details)


def encoded(files: Mapping[str, str]) -> str:
    return base64.b64encode(zipped(files)).decode()


def test_a_stack_is_what_was_uploaded(manager: ResourceManagerClient, region: Region) -> None:
    stack_id = stack(
        manager, region, TINY | {"schema.yaml": SCHEMA}, display_name="tiny", variables={"size": "small"}
    )
    found = manager.get_stack(stack_id).data
    assert (found.display_name, found.lifecycle_state, found.terraform_version) == ("tiny", "ACTIVE", "1.5.x")
    assert found.variables == {"size": "small"}
    archive = zipfile.ZipFile(io.BytesIO(manager.get_stack_tf_config(stack_id).data.content))
    assert archive.read("main.tf").decode() == TINY["main.tf"]
    assert stack_id in [each.id for each in manager.list_stacks(compartment_id=region.compartment).data]
    source = UpdateZipUploadConfigSourceDetails(zip_file_base64_encoded=encoded({"other.tf": ""}))
    manager.update_stack(stack_id, UpdateStackDetails(config_source=source, variables={"size": "large"}))
    assert manager.get_stack(stack_id).data.variables == {"size": "large"}
    archive = zipfile.ZipFile(io.BytesIO(manager.get_stack_tf_config(stack_id).data.content))
    assert archive.namelist() == ["other.tf"]
    manager.delete_stack(stack_id)
    with pytest.raises(ServiceError) as gone:
        manager.get_stack(stack_id)
    assert gone.value.status == 404


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"README.md": "no Terraform"}, "no .tf file in its root"),
        ({"stack/main.tf": ""}, "no .tf file in its root"),
        (TINY | {"terraform.tfstate": "{}"}, "terraform.tfstate"),
        (TINY | {".terraform/x": ""}, ".terraform/x"),
        (TINY | {"../up.tf": ""}, "leads out of its folder"),
        (TINY | {"schema.yaml": "a: ["}, "schema.yaml is not YAML"),
        (TINY | {"schema.yaml": "schemaVersion: 1.1.0"}, "no variables"),
        (TINY | {"large": "x" * (11 * 1024 * 1024)}, "at most 11534336"),
    ],
)
def test_a_zip_that_resource_manager_does_not_take_is_refused(
    manager: ResourceManagerClient, region: Region, files: Mapping[str, str], message: str
) -> None:
    with pytest.raises(ServiceError) as refused:
        stack(manager, region, files)
    assert refused.value.status == 400
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"variables": {f"v{number}": "" for number in range(251)}}, "at most 250"),
        ({"variables": {"long": "é" * 4097}}, "8194 bytes"),
        ({"variables": {"no name": ""}}, "'no name'"),
        ({"terraform_version": "1.6.x"}, "'1.6.x'"),
    ],
)
def test_a_stack_stays_within_the_limits(
    manager: ResourceManagerClient, region: Region, details: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(ServiceError) as refused:
        stack(manager, region, TINY, **details)
    assert refused.value.status == 400
    assert message in refused.value.message


def test_stacks_are_for_those_who_may(
    region: Region, loopback: Loopback, manager: ResourceManagerClient
) -> None:
    stack_id = stack(manager, region, TINY)
    stranger = client_for(region, region.add_user(), loopback)
    with pytest.raises(ServiceError) as refused:
        stranger.get_stack(stack_id)
    assert refused.value.status == 404
    stranger.base_client.session.close()


@needs_terraform
def test_jobs_plan_apply_and_destroy(manager: ResourceManagerClient, region: Region) -> None:
    output = 'variable "size" {}\noutput "size" { value = var.size }\n'
    stack_id = stack(manager, region, TINY | {"more.tf": output}, variables={"size": "small"})
    planned = job(manager, stack_id, "PLAN")
    assert planned.lifecycle_state == "SUCCEEDED", log(manager, planned.id)
    assert "1 to add" in log(manager, planned.id)
    applied = job(
        manager,
        stack_id,
        "APPLY",
        execution_plan_strategy="FROM_PLAN_JOB_ID",
        execution_plan_job_id=planned.id,
    )
    assert applied.lifecycle_state == "SUCCEEDED", log(manager, applied.id)
    outputs = manager.list_job_outputs(applied.id).data.items
    assert [(each.output_name, each.output_value) for each in outputs] == [("size", "small")]
    assert region.name in manager.get_job_tf_state(applied.id).data.text
    assert "No changes" in log(manager, job(manager, stack_id, "PLAN").id)
    destroyed = job(manager, stack_id, "DESTROY")
    assert "1 destroyed" in log(manager, destroyed.id)
    lines = [each.message for each in manager.get_job_logs(destroyed.id).data]
    assert lines == [line.partition("[INFO] ")[2] for line in log(manager, destroyed.id).splitlines()]
    assert len(manager.list_jobs(stack_id=stack_id).data) == 4


@needs_terraform
def test_a_failed_job_says_why(manager: ResourceManagerClient, region: Region) -> None:
    stack_id = stack(manager, region, {"main.tf": 'output "x" { value = var.nothing }'})
    failed = job(manager, stack_id, "PLAN")
    assert failed.lifecycle_state == "FAILED"
    assert failed.failure_details.code == "TERRAFORM_EXECUTION_ERROR"
    assert "undeclared input variable" in failed.failure_details.message


def test_an_apply_needs_a_plan_or_an_approval(manager: ResourceManagerClient, region: Region) -> None:
    stack_id = stack(manager, region, TINY)
    with pytest.raises(ServiceError) as refused:
        start(manager, stack_id, "APPLY", execution_plan_strategy="FROM_LATEST_PLAN_JOB")
    assert refused.value.status == 400


@needs_terraform
@pytest.mark.parametrize("forced", [False, True])
def test_a_canceled_job_keeps_what_it_had_made(
    manager: ResourceManagerClient, region: Region, tmp_path: Path, forced: bool
) -> None:
    os.mkfifo(tmp_path / "pipe")
    stack_id = stack(manager, region, {"main.tf": WAITING % (tmp_path / "pipe")})
    running = start(manager, stack_id, "APPLY")
    deadline = time.monotonic() + 60
    while "waiting" not in log(manager, running.id):
        assert time.monotonic() < deadline, log(manager, running.id)
        time.sleep(0.05)
    assert refusal(lambda: start(manager, stack_id, "PLAN"))[0] == 409
    assert refusal(lambda: manager.delete_stack(stack_id))[0] == 409
    manager.cancel_job(running.id, is_forced=forced)
    canceled = until(manager, running.id, "CANCELED")
    assert canceled.cancellation_details.is_forced is forced
    assert "kept" in manager.get_job_tf_state(running.id).data.text
    with pytest.raises(ServiceError) as late:
        manager.cancel_job(running.id)
    assert late.value.status == 409
    source = UpdateZipUploadConfigSourceDetails(zip_file_base64_encoded=encoded(TINY))
    manager.update_stack(stack_id, UpdateStackDetails(config_source=source))
    assert job(manager, stack_id, "APPLY").lifecycle_state == "SUCCEEDED"


needs_network = [
    pytest.mark.root,
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.skipif(namespaces.available() is not None, reason=namespaces.available() or ""),
]


@pytest.fixture
def on_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Region, ResourceManagerClient]]:
    """A region with a network, where jobs can reach it by its names."""
    region = Region(tmp_path)
    for name, value in region.environment.items():
        monkeypatch.setenv(name, value)
    with region.on_network(), region.on_loopback() as loopback:
        client = client_for(region, region.add_user(administrator=True), loopback)
        yield region, client
        client.base_client.session.close()


class TestOnNetwork:
    """Root: the unmodified provider, and the `oci` command, from inside of a job."""

    pytestmark = needs_network

    def test_a_job_makes_a_bucket(self, on_network: tuple[Region, ResourceManagerClient]) -> None:
        region, manager = on_network
        stack_id = stack(manager, region, {"main.tf": BUCKET})
        applied = job(manager, stack_id, "APPLY")
        assert applied.lifecycle_state == "SUCCEEDED", log(manager, applied.id)
        assert list(region.object_storage.store.buckets) == ["made-by-a-job"]
        assert "No changes" in log(manager, job(manager, stack_id, "PLAN").id)
        destroyed = job(manager, stack_id, "DESTROY")
        assert destroyed.lifecycle_state == "SUCCEEDED", log(manager, destroyed.id)
        assert region.object_storage.store.buckets == {}

    @pytest.mark.usefixtures("oci_command")
    def test_a_job_empties_its_bucket_by_the_oci_command(
        self, on_network: tuple[Region, ResourceManagerClient]
    ) -> None:
        region, manager = on_network
        stack_id = stack(manager, region, {"main.tf": BUCKET + PURGE})
        applied = job(manager, stack_id, "APPLY")
        assert applied.lifecycle_state == "SUCCEEDED", log(manager, applied.id)
        bucket = region.object_storage.store.buckets["made-by-a-job"]
        bucket.versioning = "Enabled"
        for name in ("one", "two"):
            bucket.put(name, region.object_storage.store.join([]), {})
        bucket.delete("two", None)
        destroyed = job(manager, stack_id, "DESTROY")
        assert destroyed.lifecycle_state == "SUCCEEDED", log(manager, destroyed.id)
        assert region.object_storage.store.buckets == {}
