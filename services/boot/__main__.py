"""`python -m services.boot`: what mlops-first-boot.service runs on every boot, before the services."""

import argparse
import fcntl
import logging
import os
import sys
import time
from pathlib import Path

from services.boot import imds
from services.boot.configuration import configure, contract_of
from services.boot.failure import Failure
from services.boot.machine import Machine
from services.boot.vault import Vault

log = logging.getLogger("services.boot")


def main(arguments: list[str]) -> int:
    """The status: 0 when the services may start, else 1 with sentences on stderr."""
    parser = argparse.ArgumentParser(prog="python -m services.boot", description="Configure this machine.")
    parser.add_argument("--root", type=Path, default=Path("/"), help="where the image's disk is (for tests)")
    machine = Machine(parser.parse_args(arguments).root)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    began = time.monotonic()
    try:
        role = machine.role
        contract = contract_of(role).read(imds.metadata())
        log.info("The metadata of the role %s holds", role)
        descriptor = os.open(machine.settings, os.O_RDONLY)
        # A person who runs this by hand must not cross a boot that is under way.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        configure(machine, contract, Vault(), role)
    except Failure as failure:
        print(f"First boot failed, no service is started.\n{failure}", file=sys.stderr)
        return 1
    log.info("Configured in %.1f s", time.monotonic() - began)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
