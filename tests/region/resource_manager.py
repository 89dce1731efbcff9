"""Resource Manager: stacks from uploaded zips, and jobs that run the real Terraform on them."""

import json
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import oci.resource_manager
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from tests.region import stacks
from tests.region.cli import cli
from tests.region.errors import ServiceError, invalid, not_found
from tests.region.identity import Principal
from tests.region.jobs import Job, Line
from tests.region.listing import paged, stamp
from tests.region.policies import Verb
from tests.region.server import Call, Handler
from tests.region.stacks import Stack
from tests.region.terraform import Runner

Credentials = Callable[[Principal, Path], Callable[[], None]]
"""Puts `.oci/config` into a folder, for Terraform to act as the principal; returns how to withdraw it."""


class ResourceManager:
    """The stacks and jobs of a region; `enter` puts a command line into the region's network."""

    client = oci.resource_manager.ResourceManagerClient

    def __init__(
        self, folder: Path, variables: Mapping[str, str], environment: Mapping[str, str], lend: Credentials
    ) -> None:
        self.folder = folder
        self.enter: Callable[..., list[str]] = lambda *command: list(command)
        self._variables = variables
        self._environment = environment
        self._lend = lend
        self._lock = threading.Lock()
        self.stacks: dict[str, Stack] = {}
        self.jobs: dict[str, Job] = {}

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "CreateStack": self.create_stack,
            "GetStack": self.get_stack,
            "UpdateStack": self.update_stack,
            "DeleteStack": self.delete_stack,
            "ListStacks": self.list_stacks,
            "GetStackTfConfig": self.get_stack_tf_config,
            "GetStackTfState": self.get_stack_tf_state,
            "ListTerraformVersions": self.list_terraform_versions,
            "CreateJob": self.create_job,
            "GetJob": self.get_job,
            "UpdateJob": self.update_job,
            "CancelJob": self.cancel_job,
            "ListJobs": self.list_jobs,
            "GetJobLogs": self.get_job_logs,
            "GetJobLogsContent": self.get_job_logs_content,
            "GetJobTfConfig": self.get_job_tf_config,
            "GetJobTfPlan": self.get_job_tf_plan,
            "GetJobTfState": self.get_job_tf_state,
            "ListJobOutputs": self.list_job_outputs,
        }

    def close(self) -> None:
        """Kill what still runs, as nothing outlives the region."""
        for job in self.jobs.values():
            if not job.ended:
                job.cancel(forced=True)
            job.join()

    async def create_stack(self, call: Call) -> Response:
        call.authorize(Verb.MANAGE, "orm-stacks", call.body["compartmentId"])
        archive, directory = stacks.archive_of(call.body["configSource"])
        stack_id = _ocid("ormstack")
        folder = self.folder / "stacks" / stack_id
        details = {"displayName": f"stack{len(self.stacks) + 1}"} | _kept(call.body)
        variables = dict(call.body.get("variables") or {})
        stacks.check_variables(variables)
        stacks.check_version(call.body.get("terraformVersion"))
        stack = Stack(stack_id, call.body["compartmentId"], folder, details, archive, directory, variables)
        folder.mkdir(parents=True)
        self.stacks[stack_id] = stack
        return JSONResponse(_stack(stack), headers={"etag": uuid.uuid4().hex})

    async def get_stack(self, call: Call) -> Response:
        return JSONResponse(_stack(self._stack(call, Verb.READ)))

    async def update_stack(self, call: Call) -> Response:
        stack = self._stack(call, Verb.MANAGE)
        stacks.check_version(call.body.get("terraformVersion"))
        variables = call.body.get("variables")
        stacks.check_variables(variables or {})
        source = call.body.get("configSource") or {}
        if source.get("zipFileBase64Encoded"):
            stack.archive, stack.working_directory = stacks.archive_of(
                {"workingDirectory": stack.working_directory} | source
            )
        if variables is not None:
            stack.variables = dict(variables)
        stack.details |= _kept(call.body)
        return JSONResponse(_stack(stack))

    async def delete_stack(self, call: Call) -> Response:
        """The stack alone goes: what it has created stays."""
        stack = self._stack(call, Verb.MANAGE)
        with self._lock:
            self._check_idle(stack)
            del self.stacks[stack.id]
        shutil.rmtree(stack.folder)
        return Response(status_code=204)

    async def list_stacks(self, call: Call) -> Response:
        call.authorize(Verb.INSPECT, "orm-stacks", call.query.get("compartmentId", "*"))
        shown = [_stack(stack) for stack in self.stacks.values()]
        return _listed(call, shown, ("compartmentId", "id", "displayName", "lifecycleState"))

    async def get_stack_tf_config(self, call: Call) -> Response:
        return Response(self._stack(call, Verb.READ).archive, media_type="application/zip")

    async def get_stack_tf_state(self, call: Call) -> Response:
        return _file(self._stack(call, Verb.READ).tf_state, "application/json")

    async def list_terraform_versions(self, _call: Call) -> Response:
        return JSONResponse({"items": [{"name": stacks.TERRAFORM_VERSION, "isDefault": True}]})

    async def create_job(self, call: Call) -> Response:
        call.authorize(Verb.MANAGE, "orm-jobs", "*")
        stack = self._stack(call, Verb.USE, call.body["stackId"])
        details = call.body.get("jobOperationDetails") or {}
        operation = details.get("operation") or call.body.get("operation")
        if operation not in ("PLAN", "APPLY", "DESTROY"):
            raise invalid(f"The operation {operation!r} is not PLAN, APPLY or DESTROY.")
        plan_of = self._plan(stack, call.body) if operation == "APPLY" else None
        if operation == "DESTROY" and not _auto_approved(call.body):
            raise invalid("A DESTROY job needs the executionPlanStrategy AUTO_APPROVED.")
        job_id = _ocid("ormjob")
        variables = self._filled(stack, call.principal)
        with self._lock:
            self._check_idle(stack)
            job = Job(job_id, stack, operation, self.folder / "jobs" / job_id, call.body, variables, plan_of)
            self.jobs[job_id] = job
        self._start(job, call.principal)
        return JSONResponse(_job(job), headers={"etag": uuid.uuid4().hex})

    async def get_job(self, call: Call) -> Response:
        return JSONResponse(_job(self._job(call, Verb.READ)))

    async def update_job(self, call: Call) -> Response:
        job = self._job(call, Verb.MANAGE)
        job.asked |= {key: value for key, value in call.body.items() if value is not None}
        return JSONResponse(_job(job))

    async def cancel_job(self, call: Call) -> Response:
        job = self._job(call, Verb.MANAGE)
        if job.ended:
            raise _conflict(f"The job {job.id} is {job.state}: it can no longer be canceled.")
        job.cancel(forced=call.query.get("isForced") == "true")
        return Response(status_code=204)

    async def list_jobs(self, call: Call) -> Response:
        call.authorize(Verb.INSPECT, "orm-jobs", call.query.get("compartmentId", "*"))
        newest_first = sorted(self.jobs.values(), key=lambda job: job.created, reverse=True)
        if call.query.get("sortOrder") == "ASC":
            newest_first.reverse()
        keys = ("compartmentId", "stackId", "id", "displayName", "lifecycleState")
        return _listed(call, [_job(job) for job in newest_first], keys)

    async def get_job_logs(self, call: Call) -> Response:
        log = list(self._job(call, Verb.READ).log)
        if call.query.get("sortOrder") == "DESC":
            log.reverse()
        page, headers = paged(log, call.query)
        return JSONResponse([_line(each) for each in page], headers=headers)

    async def get_job_logs_content(self, call: Call) -> Response:
        log = self._job(call, Verb.READ).log
        return PlainTextResponse(
            "".join(
                f"{each.written:%Y/%m/%d %H:%M:%S}[TERRAFORM_CONSOLE] \
[{each.level}] {each.message}\n"
                for each in list(log)
            )
        )

    async def get_job_tf_config(self, call: Call) -> Response:
        return _file(self._job(call, Verb.READ).folder / "config.zip", "application/zip")

    async def get_job_tf_plan(self, call: Call) -> Response:
        return _file(self._job(call, Verb.READ).tf_plan, "application/octet-stream")

    async def get_job_tf_state(self, call: Call) -> Response:
        return _file(self._job(call, Verb.READ).tf_state, "application/json")

    async def list_job_outputs(self, call: Call) -> Response:
        outputs = self._job(call, Verb.READ).outputs
        items = [
            {
                "outputName": name,
                "outputType": each["type"] if isinstance(each["type"], str) else each["type"][0],
                "outputValue": None if each.get("sensitive") else _text(each["value"]),
                "isSensitive": bool(each.get("sensitive")),
            }
            for name, each in sorted(outputs.items())
        ]
        return JSONResponse({"items": items})

    def _stack(self, call: Call, verb: Verb, stack_id: str | None = None) -> Stack:
        stack = self.stacks.get(stack_id or call.path["stackId"])
        if stack is None:
            raise not_found()
        call.authorize(verb, "orm-stacks", stack.compartment)
        return stack

    def _job(self, call: Call, verb: Verb) -> Job:
        job = self.jobs.get(call.path["jobId"])
        if job is None:
            raise not_found()
        call.authorize(verb, "orm-jobs", job.stack.compartment)
        return job

    def _check_idle(self, stack: Stack) -> None:
        running = [job.id for job in self.jobs.values() if job.stack is stack and not job.ended]
        if running:
            raise _conflict(f"The stack {stack.id} has a job in progress: {running[0]}.")

    def _plan(self, stack: Stack, body: Mapping[str, Any]) -> Job | None:
        """The plan job that an apply job is to carry out, None when it plans by itself."""
        if _auto_approved(body):
            return None
        details, resolution = body.get("jobOperationDetails") or {}, body.get("applyJobPlanResolution") or {}
        wanted = details.get("executionPlanJobId") or resolution.get("planJobId")
        newest = details.get("executionPlanStrategy") == "FROM_LATEST_PLAN_JOB" or resolution.get(
            "isUseLatestJobId"
        )
        plans = [
            job
            for job in self.jobs.values()
            if job.stack is stack and job.operation == "PLAN" and job.state == "SUCCEEDED"
        ]
        found = [job for job in plans if newest or job.id == wanted]
        if not found:
            raise invalid("An APPLY job needs AUTO_APPROVED, or a succeeded plan job of the same stack.")
        return found[-1]

    def _filled(self, stack: Stack, principal: Principal) -> dict[str, str]:
        own = {"compartment_ocid": stack.compartment, "current_user_ocid": principal.id}
        return {**self._variables, **own, **stack.variables}

    def _start(self, job: Job, principal: Principal) -> None:
        home = job.folder / "home"
        withdraw = self._lend(principal, home)
        oci_command = cli()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("TF_", "OCI_"))},
            **self._environment,
            "TF_IN_AUTOMATION": "1",
            # The provider looks for .oci/config there when a profile is named; Terraform looks at HOME.
            "TF_HOME_OVERRIDE": str(home),
            "OCI_CONFIG_FILE_PROFILE": "DEFAULT",
            "OCI_CLI_CONFIG_FILE": str(home / ".oci/config"),
            "PATH": os.pathsep.join(
                [*([str(oci_command.parent)] if oci_command else []), os.environ["PATH"]]
            ),
            **{f"TF_VAR_{name}": value for name, value in job.variables.items()},
        }

        def done() -> None:
            withdraw()
            shutil.rmtree(home)

        job.start(Runner(self.enter, environment), done)


def _auto_approved(body: Mapping[str, Any]) -> bool:
    details, resolution = body.get("jobOperationDetails") or {}, body.get("applyJobPlanResolution") or {}
    return details.get("executionPlanStrategy") == "AUTO_APPROVED" or bool(resolution.get("isAutoApproved"))


def _kept(body: Mapping[str, Any]) -> dict[str, Any]:
    names = ("displayName", "description", "freeformTags", "definedTags")
    return {name: body[name] for name in names if body.get(name) is not None}


def _stack(stack: Stack) -> dict[str, Any]:
    return {
        "id": stack.id,
        "compartmentId": stack.compartment,
        "timeCreated": stamp(stack.created),
        "lifecycleState": stack.state,
        "configSource": {"configSourceType": "ZIP_UPLOAD", "workingDirectory": stack.working_directory},
        "variables": stack.variables,
        "terraformVersion": stacks.TERRAFORM_VERSION,
        "stackDriftStatus": "NOT_CHECKED",
        "freeformTags": {},
        "definedTags": {},
        **stack.details,
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "stackId": job.stack.id,
        "compartmentId": job.stack.compartment,
        "displayName": f"ormjob{job.created:%Y%m%d%H%M%S}",
        "freeformTags": {},
        "definedTags": {},
        **_kept(job.asked),
        "operation": job.operation,
        "jobOperationDetails": job.asked.get("jobOperationDetails") or {"operation": job.operation},
        "applyJobPlanResolution": job.asked.get("applyJobPlanResolution"),
        "resolvedPlanJobId": job.plan_of.id if job.plan_of else None,
        "timeCreated": stamp(job.created),
        "timeFinished": stamp(job.finished) if job.finished else None,
        "lifecycleState": job.state,
        "failureDetails": job.failure,
        "cancellationDetails": {"isForced": job.forced},
        "workingDirectory": job.stack.working_directory,
        "variables": job.variables,
        "configSource": {"configSourceRecordType": "ZIP_UPLOAD"},
    }


def _line(line: Line) -> dict[str, str]:
    return {
        "type": "TERRAFORM_CONSOLE",
        "level": line.level,
        "timestamp": stamp(line.written),
        "message": line.message,
    }


def _listed(call: Call, shown: list[dict[str, Any]], keys: tuple[str, ...]) -> Response:
    chosen = [each for each in shown if all(call.query.get(key, each[key]) == each[key] for key in keys)]
    page, headers = paged(chosen, call.query)
    return JSONResponse(list(page), headers=headers)


def _file(path: Path, kind: str) -> Response:
    if not path.exists():
        raise not_found()
    return FileResponse(path, media_type=kind)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)


def _conflict(message: str) -> ServiceError:
    return ServiceError(409, "IncorrectState", message)


def _ocid(kind: str) -> str:
    return f"ocid1.{kind}.oc99..{uuid.uuid4().hex}"
