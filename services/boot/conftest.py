"""Machines on a region of our own, with a strict MySQL server in it."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.boot import environment_file
from services.boot.configuration import contract_of
from tests.region.metadata import Instance
from tests.region.mysql import ADMIN_PASSWORD, MySQL
from tests.region.network import Namespace, Network
from tests.region.policies import Verb
from tests.region.region import Region

ROOT = Path(__file__).parents[2]
DATABASE_HOST, DATABASE_ADDRESS = "db.sim.oraclevcn.com", "10.0.0.9"
AWKWARD = "p #%@/:?&=+$HOME ${x} `id` \\ \\n \"q\" 'q' ~ ! ; | < > ( ) [ ] { } ^ * , . _ - é"
ADDRESSES = "mlflow=10.0.1.10,airflow=10.0.1.11,serving=10.0.1.12,public=mlops.example.org"


@dataclass
class BootedMachine:
    """An image's disk in a folder, on a machine of its own; `boot` does what its first-boot unit does."""

    role: str
    disk: Path
    namespace: Namespace
    instance: Instance
    region: Region
    secrets: dict[str, str]
    """The values of its secrets, by metadata key."""

    def start(self) -> subprocess.Popen[str]:
        """The process, in a session of its own that can be killed as a whole."""
        return self.run("-W", "ignore", "-m", "services.boot", "--root", str(self.disk))

    def run(self, *arguments: str) -> subprocess.Popen[str]:
        """Python on the machine, with the trust that an image has in its region."""
        trusted = str(self.region.authority_file)
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "SSL_CERT_FILE": trusted,
            "REQUESTS_CA_BUNDLE": trusted,
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.Popen(
            self.namespace.command(sys.executable, *arguments),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def boot(self) -> tuple[int, str]:
        """Status and output."""
        with self.start() as process:
            output, _ = process.communicate(timeout=240)
        return process.returncode, output

    def environment(self, service: str) -> dict[str, str]:
        return environment_file.read(self.disk / f"etc/mlops/{service}.env")

    def allow(self, *, after: float = 0, but: str = "") -> None:
        """Let the machine read its secrets, as a policy would; all but the one of a key."""
        for key, value in self.instance.metadata.items():
            if key.endswith("_secret") and key != but:
                self.region.policies.allow(self.instance.id, Verb.READ, "secret-bundles", value, after=after)


@dataclass
class Site:
    """A region with a network, and MySQL's place in it."""

    region: Region
    network: Network
    mysql: MySQL
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(20))

    def machine(self, role: str, *, allowed: bool = True, **metadata: str) -> BootedMachine:
        """A machine that was launched with the role's contract; `metadata` replaces keys of it."""
        number = next(self._numbers)
        contract = contract_of(role)
        secrets = {
            key: AWKWARD.replace(" ", "").replace("é", "") if "key" in key else f"{key} {AWKWARD}"
            for key in contract.known_keys()
            if key.endswith("_secret")
        }
        if "mlops_database_admin_secret" in secrets:
            secrets["mlops_database_admin_secret"] = ADMIN_PASSWORD
            metadata = {"mlops_database_host": DATABASE_HOST, "mlops_bucket": "things@simspace"} | metadata
        for index, key in enumerate(secrets):
            if key.endswith("key_secret"):
                secrets[key] += str(index)
        given = {key: self.region.add_secret(f"{number} {key}", value).id for key, value in secrets.items()}
        given |= {"mlops_addresses": ADDRESSES, "ssh_authorized_keys": "ssh-ed25519 AAAA"} | metadata
        address = f"10.0.0.{number}"
        disk = self.folder / f"{role}-{number}"
        for folder in ("usr/lib/mlops", "etc/mlops", "var/lib/mlops"):
            (disk / folder).mkdir(parents=True)
        (disk / "usr/lib/mlops/role").write_text(f"{role}\n")
        shutil.copy(self.mysql.authority, disk / "usr/lib/mlops/database-authority.pem")
        instance = self.region.launch(address, role, given)
        machine = BootedMachine(role, disk, self.network.join(address), instance, self.region, secrets)
        if allowed:
            machine.allow()
        return machine


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "region").mkdir()
    region = Region(folder / "region")
    with region.on_network() as network:
        network.hosts[DATABASE_HOST] = DATABASE_ADDRESS
        place = network.join(DATABASE_ADDRESS)
        with MySQL(
            folder / "mysql", DATABASE_ADDRESS, 3306, prefix=place.command(), names=[DATABASE_HOST]
        ) as mysql:
            yield Site(region, network, mysql, folder)


@pytest.fixture
def database(site: Site) -> Iterator[MySQL]:
    """The site's MySQL, without databases and users of roles before and after."""
    site.mysql.clear()
    yield site.mysql
    site.mysql.clear()
