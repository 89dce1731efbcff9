"""The whole of first boot, in its order; every step may be repeated."""

import logging
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from services.boot import environment_file
from services.boot.contract import ADMIN_SECRET, PREFIX, Contract, DatabaseContract, Given
from services.boot.database import Server, ensure_user, password_in
from services.boot.failure import Failure
from services.boot.machine import Machine
from services.boot.vault import Vault

log = logging.getLogger(__name__)

_CODE = Path(__file__).parents[2]


def contract_of(role: str) -> type[Contract]:
    """The class `FirstBoot` of the role's room.

    Raises:
        Failure: when there is no such role here.
    """
    try:
        found: type[Contract] = import_module(f"services.{role}.first_boot").FirstBoot
    except ModuleNotFoundError:
        raise Failure(
            f"The image's role is {role!r}: a role with a module services.{role}.first_boot is expected. "
            "Remedy: bake the image anew."
        ) from None
    return found


def configure(machine: Machine, contract: Contract, vault: Vault, role: str) -> None:
    """Read secrets, see to the database and its user, write the environment files, prepare the schema.

    Raises:
        Failure: a sentence; what was done until then does no harm.
    """
    secret_ids = contract.secret_ids
    values = {field: vault.read(f"{PREFIX}{field}", secret_id) for field, secret_id in secret_ids.items()}
    log.info("%d secrets read", len(values))
    kept = _kept(machine.settings)
    uris: dict[str, str] = {}
    if isinstance(contract, DatabaseContract):
        uris = databases(machine, contract, vault, role, kept)
    given = Given(values, uris, machine.state, lambda name: kept.get(name) or secrets.token_urlsafe(32))
    environments = contract.environments(given)
    for service, variables in environments.items():
        if environment_file.write(machine.settings / f"{service}.env", variables):
            log.info("%s written", machine.settings / f"{service}.env")
    if contract.prepares:
        prepare(machine, role, next(iter(environments.values())))


def databases(
    machine: Machine, contract: DatabaseContract, vault: Vault, user: str, kept: Mapping[str, str]
) -> dict[str, str]:
    """The URIs of the role's databases, which are there then, and so is the user.

    Raises:
        Failure: when MySQL does not come, or the administrator cannot make them.
    """
    server = Server.at(contract.database_host, machine.database_authority)
    if server.authority is None:
        log.warning("TLS to MySQL is not verified: the image knows no authority of its certificate")
    server.wait()
    password = ensure_user(
        server,
        user,
        contract.databases,
        contract.privileges,
        password_in(kept.get(contract.database_variable, "")),
        lambda: vault.read(f"{PREFIX}{ADMIN_SECRET}", contract.database_admin_secret),
    )
    return {name: server.uri(user, password, name) for name in contract.databases}


def prepare(machine: Machine, role: str, variables: Mapping[str, str]) -> None:
    """Run `python -m services.<role> prepare` as the role's user.

    Raises:
        Failure: when it does not end well; it has said why itself.
    """
    user, group = machine.user()
    done = subprocess.run(
        [sys.executable, "-m", f"services.{role}", "prepare"],
        cwd=_CODE,
        env={**os.environ, **variables, "HOME": str(machine.state)},
        user=user if os.geteuid() == 0 else None,
        group=group if os.geteuid() == 0 else None,
        extra_groups=[] if os.geteuid() == 0 else None,
        check=False,
    )
    if done.returncode:
        raise Failure(
            f"`python -m services.{role} prepare` ended with status {done.returncode}: 0 is expected. "
            "Remedy: what it said last names it."
        )


def _kept(settings: Path) -> dict[str, str]:
    """What the files of an earlier boot hold."""
    found: dict[str, str] = {}
    for file in sorted(settings.glob("*.env")):
        found |= environment_file.read(file)
    return found
