"""Resource Manager's jobs: one Terraform run each, on what the stack was when the job was asked for."""

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.region.stacks import Stack
from tests.region.terraform import Runner

ENDED = ("SUCCEEDED", "FAILED", "CANCELED")


@dataclass(frozen=True)
class Line:
    """One line of a job's log."""

    written: datetime
    level: str
    message: str


@dataclass
class Job:
    """One job; its folder keeps its zip, its plan and the state it left."""

    id: str
    stack: Stack
    operation: str
    folder: Path
    asked: dict[str, Any]
    variables: Mapping[str, str]
    plan_of: "Job | None" = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished: datetime | None = None
    state: str = "ACCEPTED"
    failure: dict[str, str] | None = None
    forced: bool = False
    log: list[Line] = field(default_factory=list)
    _runner: Runner | None = None
    _thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self._work = self.stack.unpack(self.folder / "work")
        (self.folder / "config.zip").write_bytes(self.stack.archive)

    @property
    def tf_plan(self) -> Path:
        return self.folder / "plan"

    @property
    def tf_state(self) -> Path:
        return self.folder / "terraform.tfstate"

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def outputs(self) -> dict[str, Any]:
        """Terraform's outputs as the state has them."""
        if not self.tf_state.exists():
            return {}
        return dict(json.loads(self.tf_state.read_text()).get("outputs", {}))

    def start(self, runner: Runner, done: Callable[[], None]) -> None:
        """Run in a thread of its own; `done` is called when it has ended, however it ended."""
        self._runner = runner
        self._thread = threading.Thread(target=self._live, args=(runner, done), daemon=True)
        self._thread.start()

    def cancel(self, *, forced: bool) -> None:
        """Stop half way: gracefully, or by killing Terraform, which may lose what it was creating."""
        self.state, self.forced = "CANCELING", forced
        if self._runner:
            self._runner.stop(forced=forced)

    def join(self, timeout: float | None = None) -> None:
        if self._thread:
            self._thread.join(timeout)

    def _live(self, runner: Runner, done: Callable[[], None]) -> None:
        try:
            if self.state == "ACCEPTED":
                self.state = "IN_PROGRESS"
            succeeded = self._run(runner)
        except OSError as error:
            self._write(f"Error: {error}")
            succeeded = False
        finally:
            done()
        self.finished = datetime.now(UTC)
        if self.state == "CANCELING":
            self.state = "CANCELED"
        elif succeeded:
            self.state = "SUCCEEDED"
        else:
            message = next((line.message for line in self.log if line.level == "ERROR"), "Terraform failed.")
            self.failure = {"code": "TERRAFORM_EXECUTION_ERROR", "message": message}
            self.state = "FAILED"

    def _run(self, runner: Runner) -> bool:
        state = self._work / "terraform.tfstate"
        if self.stack.tf_state.exists():
            shutil.copy(self.stack.tf_state, state)
        try:
            return all(
                runner.run(self._work, *command, "-no-color", *operand, log=self._write) == 0
                for command, operand in self._commands()
            )
        finally:
            # Whatever became of the run: what Terraform has noted down exists.
            if self.operation != "PLAN" and state.exists():
                shutil.copy(state, self.stack.tf_state)
                shutil.copy(state, self.tf_state)
            shutil.rmtree(self.folder / "work")

    def _commands(self) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        """The commands in order, each with what comes behind its options."""
        options = self._options()
        init = (("init", "-input=false"), ())
        plan = (("plan", "-input=false", f"-out={self.tf_plan}", *options), ())
        match self.operation:
            case "PLAN":
                return [init, plan]
            case "DESTROY":
                return [init, (("destroy", "-input=false", "-auto-approve", *options), ())]
            case _ if self.plan_of:
                return [init, (("apply", "-input=false"), (str(self.plan_of.tf_plan),))]
            case _:
                return [init, (("apply", "-input=false", "-auto-approve", *options), ())]

    def _options(self) -> list[str]:
        advanced = (self.asked.get("jobOperationDetails") or {}).get("terraformAdvancedOptions") or {}
        parallelism = advanced.get("parallelism")
        refresh = ["-refresh=false"] if advanced.get("isRefreshRequired") is False else []
        return [*refresh, *([f"-parallelism={parallelism}"] if parallelism else [])]

    def _write(self, line: str) -> None:
        level = "ERROR" if line.startswith("Error:") else "INFO"
        self.log.append(Line(datetime.now(UTC), level, line))
