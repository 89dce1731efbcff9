"""The stack's zip at Resource Manager in a region of our own: planned, applied and destroyed by jobs."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import oci
import pytest
from oci.resource_manager import ResourceManagerClient
from oci.resource_manager.models import UpdateStackDetails

from release import stack as release
from tests.region import console
from tests.region.network import Network
from tests.region.region import Loopback, Region, User

CLIENTS = "10.0.200.0/24"
"""Who may reach the platform."""
JOB_SECONDS = 900
_STAMP = re.compile(r"^\S+ \S+ \[\w+\] ?")
_PLANNED = re.compile(
    r"# (\S+?(?:\[\".+?\"\])?) (?:will|must) be (created|destroyed|replaced|updated in-place)"
)
ALWAYS = {"image_source": "newest", "allowed_cidrs": json.dumps([CLIENTS])}
_BEFORE = {"compartment", "image", "mysqlconfiguration"}


class JobFailed(Exception):
    """A job that did not succeed, with what Terraform said of it."""


@dataclass
class Deployment:
    """One stack; `variables` are what the form was filled in with."""

    region: Region
    network: Network
    loopback: Loopback
    user: User
    stack: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    _clients: dict[type, Any] = field(default_factory=dict)

    @property
    def manager(self) -> ResourceManagerClient:
        return self.client(ResourceManagerClient)

    def create(self, archive: bytes, variables: Mapping[str, str]) -> None:
        """Upload the zip as a new stack."""
        self.variables = dict(variables)
        self.stack = console.stack(
            self.manager, self.region.compartment, archive, display_name="mlops", variables=self.variables
        )

    def edit(self, **variables: object) -> None:
        """Fill in the form again: these values besides those that it has."""
        self.variables |= {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()
        }
        self.manager.update_stack(self.stack, UpdateStackDetails(variables=self.variables))

    def plan(self, **variables: object) -> dict[str, str]:
        """What a plan with these values besides would do, by address; the form is left as it was."""
        return dict(planned(self.plan_said(**variables)))

    def plan_said(self, **variables: object) -> str:
        """What such a plan says."""
        before = dict(self.variables)
        self.edit(**variables)
        try:
            return self.run("PLAN")
        finally:
            self.variables = before
            self.edit()

    def apply(self) -> dict[str, Any]:
        """Returns the outputs."""
        self.run("APPLY")
        return self.outputs

    def destroy(self) -> None:
        self.run("DESTROY")

    def run(self, operation: str, **details: Any) -> str:
        """One job to its end; returns what Terraform said, on one line. Raises: JobFailed."""
        return self.end(console.start(self.manager, self.stack, operation, **details).id)

    def end(self, job_id: str) -> str:
        """The same for a job that has begun."""
        job = console.until(self.manager, job_id, *console.ENDED, seconds=JOB_SECONDS)
        said = _said(console.log(self.manager, job_id))
        if job.lifecycle_state != "SUCCEEDED":
            raise JobFailed(f"{job.lifecycle_state}: {said[said.find('Error: ') :]}")
        return said

    @property
    def outputs(self) -> dict[str, Any]:
        state = self.manager.get_stack_tf_state(self.stack).data.text
        return {name: each["value"] for name, each in json.loads(state)["outputs"].items()}

    def client(self, kind: type) -> Any:
        """An SDK client of whoever owns the stack."""
        if kind not in self._clients:
            config = oci.config.from_file(str(self.region.config_file(self.user)))
            no_retries = oci.retry.NoneRetryStrategy()
            self._clients[kind] = kind(
                config, service_endpoint=self.loopback.endpoint, retry_strategy=no_retries
            )
        return self._clients[kind]

    def close(self) -> None:
        for client in self._clients.values():
            client.base_client.session.close()

    def left(self) -> set[str]:
        """The kinds of what there is, but what was there before the stack and what has a date to go."""
        gone = ("PENDING_DELETION", "SCHEDULING_DELETION")
        kinds = {each.kind.name for each in self.region.resources.left() if each.state not in gone}
        made = {kind for kind in kinds if not kind.endswith("workrequest")} - _BEFORE
        return made | {f"bucket {name}" for name in self.region.object_storage.store.buckets}


def planned(said: str) -> Iterator[tuple[str, str]]:
    """Address → created, destroyed, replaced or updated, from what a plan says to people."""
    for address, action in _PLANNED.findall(said):
        yield address, action.removesuffix(" in-place")


def _said(log: str) -> str:
    return " ".join(" ".join(_STAMP.sub("", line) for line in log.splitlines()).replace("│", " ").split())


@contextmanager
def deployed(folder: Path, region: Region) -> Iterator[Deployment]:
    """The region on its network, and the stack made from the zip; nothing is applied yet."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in region.environment.items():
            patch.setenv(name, value)
        network = stack.enter_context(region.on_network())
        loopback = stack.enter_context(region.on_loopback())
        made = Deployment(region, network, loopback, region.add_user(administrator=True))
        stack.callback(made.close)
        zipped = release.write(release.contents(), release.commit_time(), folder / "stack.zip")
        made.create(zipped.read_bytes(), ALWAYS)
        yield made
