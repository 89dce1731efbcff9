"""`python -m services.local COMMAND`: what the Makefile's targets for one machine run."""

import argparse
import os
import shlex
import shutil
import sys
from pathlib import Path

from services.local import report
from services.local.environment import client
from services.local.failure import Failure
from services.local.start import start
from services.local.state import State
from services.local.supervision import Supervisor
from services.roles import ROLES

ROOT = Path(__file__).resolve().parents[2]


def up(state: State, _: argparse.Namespace) -> None:
    with state.locked():
        start(state)


def down(state: State, _: argparse.Namespace) -> None:
    with state.locked():
        Supervisor(state).shutdown()
    print("Everything is stopped. Data and secrets stay in .local/; `make up` starts it again.")


def status(state: State, _: argparse.Namespace) -> None:
    rows = report.rows(Supervisor(state), _ports(state))
    print(report.table(rows))
    if not all(row.healthy for row in rows):
        raise Failure(
            "Not every service is healthy. Remedy: `make up` starts what is stopped, `make logs` says why."
        )


def logs(state: State, arguments: argparse.Namespace) -> None:
    files = sorted(str(path) for path in state.logs.glob(f"{arguments.service or '*'}.log"))
    if not files:
        names = ", ".join(service.name for role in ROLES for service in role.services)
        raise Failure(
            f"SERVICE is {arguments.service or 'not set'}: it has no log yet. Expected one of {names}."
        )
    os.execvp("tail", ["tail", "-n", "20", *([] if arguments.once else ["-F"]), *files])  # noqa: S606


def reset(state: State, arguments: argparse.Namespace) -> None:
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise Failure(
                "`make reset` deletes all data and asks first, but there is no terminal to answer on. "
                "Remedy: `make reset YES=1`."
            )
        if input(
            f"Delete every run, model, log and password below {state.folder}? [y/N] "
        ).strip().lower() not in ("y", "yes", "s", "sim"):
            raise Failure("Nothing was deleted.")
    with state.locked():
        Supervisor(state).shutdown()
        for path in state.erasable():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    print("All data is deleted. `make up` begins anew.")


def env(state: State, _: argparse.Namespace) -> None:
    for key, value in client(_ports(state), state.secrets()).items():
        print(f"export {key}={shlex.quote(value)}")


def _ports(state: State) -> dict[str, int]:
    ports = state.ports()
    if ports is None:
        raise Failure("There is no platform here yet. Remedy: `make up`.")
    return ports


def main() -> int:
    """Run the command named on the command line; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m services.local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for function in (up, down, status, env, logs, reset):
        commands.add_parser(function.__name__).set_defaults(run=function)
    commands.choices["logs"].add_argument("service", nargs="?", default="")
    commands.choices["logs"].add_argument("--once", action="store_true", help="print the last lines and stop")
    commands.choices["reset"].add_argument("--yes", action="store_true", help="do not ask")
    arguments = parser.parse_args()
    try:
        arguments.run(State(ROOT), arguments)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "Interrupted; what was started runs on. `make up` continues, `make down` stops it.",
            file=sys.stderr,
        )
        return 130
    except OSError as error:
        print(
            f"{error.filename or '.local'} cannot be used: {error.strerror}. "
            "Remedy: mend that (disk space, owner, mode), then run the command again.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
