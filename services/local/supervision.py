"""supervisord, told to run every service of every role: its configuration, and the way to talk to it."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from xmlrpc.client import ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from services.local.environment import environments
from services.local.failure import Failure
from services.local.state import State
from services.role import Role, Service
from services.roles import ROLES

MARK = "MLOPS_LOCAL"
"""In the environment of every process of the platform: the checkout that it belongs to."""

INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER")
"""What services inherit from the person's shell; all else is theirs alone."""

LONGEST_SOCKET = 100
"""Kernels take 104 (macOS) to 108 (Linux) bytes of path; supervisord first binds a name a little longer."""

_SUPERVISOR = """\
[supervisord]
directory={root}
logfile={logs}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={logs}
umask=077
minfds=1024

[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """
[program:{name}]
command={command}
environment={environment}
autostart=false
autorestart=unexpected
exitcodes=78
startsecs=1
startretries=5
stopasgroup=true
killasgroup=true
stopwaitsecs=15
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


class Supervisor:
    """The supervisord of one checkout; it keeps services running until `shutdown`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.socket = state.folder / "supervisor.sock"
        self.configuration = state.folder / "supervisord.conf"
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET:
            raise Failure(
                f"The checkout's path is {state.root}: expected one short enough for a socket below it "
                f"({LONGEST_SOCKET} bytes with {self.socket.name}). Remedy: clone to a shorter path."
            )

    def _ask(self, method: str, *arguments: object) -> Any:
        # A connection does not outlive supervisord, so each question has its own.
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        with ServerProxy("http://127.0.0.1", transport=transport) as supervisord:
            return getattr(supervisord.supervisor, method)(*arguments)

    def running(self) -> bool:
        """Whether supervisord answers."""
        try:
            return bool(self._ask("getState")["statename"] == "RUNNING")
        except (OSError, HTTPException):
            return False

    def start(self, ports: Mapping[str, int], secrets: Mapping[str, str]) -> None:
        """Start supervisord, with no service yet."""
        self.state.logs.mkdir(mode=0o700, exist_ok=True)
        self.state.write(self.configuration, configuration(self.state, self.socket.name, ports, secrets))
        daemon = subprocess.run(
            [self.state.python("local").with_name("supervisord"), "-c", self.configuration],
            env=inherited(self.state),
            cwd=self.state.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if daemon.returncode:
            raise Failure(f"supervisord did not start: {daemon.stderr.strip() or daemon.stdout.strip()}")

    def start_service(self, service: Service) -> None:
        """Start a service that is not running; one that runs is left alone."""
        if not self.runs(service):
            self._ask("startProcess", service.name, False)

    def runs(self, service: Service) -> bool:
        """Whether supervisord keeps the service running."""
        return self.service(service)["statename"] in ("RUNNING", "STARTING", "BACKOFF")

    def service(self, service: Service) -> dict[str, Any]:
        """supervisord's word on a service: statename, pid, start (seconds since the epoch), spawnerr."""
        return dict(self._ask("getProcessInfo", service.name))

    def shutdown(self) -> None:
        """Stop services, supervisord and what a killed service may have left; return when all are gone."""
        if self.running():
            daemon = psutil.Process(self._ask("getPID"))
            self._ask("shutdown")
            daemon.wait(timeout=120)
        left = self.processes()
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=10)

    def processes(self) -> list[psutil.Process]:
        """Every process that bears this checkout's mark."""
        return [process for process in psutil.process_iter() if _bears_mark(process, str(self.state.root))]


def configuration(state: State, socket: str, ports: Mapping[str, int], secrets: Mapping[str, str]) -> str:
    """supervisord's configuration; it holds secrets, so the file must not be readable by others."""
    environment = environments(state.root, ports, secrets)
    text = _SUPERVISOR.format(
        root=_quoted(state.root),
        folder=_quoted(state.folder),
        logs=_quoted(state.logs),
        socket=_quoted(state.folder / socket),
    )
    return text + "".join(
        _PROGRAM.format(
            name=service.name,
            command=_quoted(shlex.join(command(state, role, service))),
            environment=",".join(
                f'{key}="{_quoted(value)}"' for key, value in environment[service.name].items()
            ),
            logs=_quoted(state.logs),
        )
        for role in ROLES
        for service in role.services
    )


def inherited(state: State) -> dict[str, str]:
    """The environment that every process of the platform begins with."""
    kept = {key: os.environ[key] for key in INHERITED if key in os.environ}
    # Without SPT_NOENV, programs that set their title (setproctitle) overwrite the mark with it.
    return kept | {MARK: str(state.root), "SPT_NOENV": "1"}


def command(state: State, role: Role, service: Service) -> list[str]:
    """A service's command line."""
    return [str(state.python(role.name)), "-m", service.module, *service.arguments]


def _quoted(value: object) -> str:
    return str(value).replace("%", "%%")


def _bears_mark(process: psutil.Process, root: str) -> bool:
    try:
        return process.environ().get(MARK) == root
    except (psutil.Error, OSError):
        return False
