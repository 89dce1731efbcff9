"""Resource Manager as its console uses it: stacks from zips, and jobs until they have ended."""

import base64
import io
import time
import zipfile
from collections.abc import Mapping
from typing import Any

from oci.resource_manager import ResourceManagerClient
from oci.resource_manager.models import (
    CreateApplyJobOperationDetails,
    CreateDestroyJobOperationDetails,
    CreateJobDetails,
    CreatePlanJobOperationDetails,
    CreateStackDetails,
    CreateZipUploadConfigSourceDetails,
)

ENDED = ("SUCCEEDED", "FAILED", "CANCELED")
_DETAILS = {
    "PLAN": CreatePlanJobOperationDetails,
    "APPLY": CreateApplyJobOperationDetails,
    "DESTROY": CreateDestroyJobOperationDetails,
}


def zipped(files: Mapping[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def stack(manager: ResourceManagerClient, compartment: str, archive: bytes, **details: Any) -> str:
    """Upload a zip; returns the OCID of the stack."""
    source = CreateZipUploadConfigSourceDetails(zip_file_base64_encoded=base64.b64encode(archive).decode())
    created = manager.create_stack(
        CreateStackDetails(compartment_id=compartment, config_source=source, **details)
    )
    return str(created.data.id)


def start(manager: ResourceManagerClient, stack_id: str, operation: str, **details: Any) -> Any:
    """A job that has just begun: PLAN, APPLY or DESTROY, approved unless the details say otherwise."""
    if operation != "PLAN":
        details.setdefault("execution_plan_strategy", "AUTO_APPROVED")
    asked = CreateJobDetails(stack_id=stack_id, job_operation_details=_DETAILS[operation](**details))
    return manager.create_job(asked).data


def job(
    manager: ResourceManagerClient, stack_id: str, operation: str, *, seconds: float = 120, **details: Any
) -> Any:
    """A job that has ended."""
    started = start(manager, stack_id, operation, **details)
    return until(manager, started.id, *ENDED, seconds=seconds)


def until(manager: ResourceManagerClient, job_id: str, *states: str, seconds: float = 120) -> Any:
    """The job when it is in one of the states. Raises: TimeoutError: with its log."""
    deadline = time.monotonic() + seconds
    while (found := manager.get_job(job_id).data).lifecycle_state not in states:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{found.lifecycle_state} after {seconds:.0f} s:\n{log(manager, job_id)}")
        time.sleep(0.05)
    return found


def log(manager: ResourceManagerClient, job_id: str) -> str:
    """What Terraform has said so far."""
    return str(manager.get_job_logs_content(job_id).data)
