"""The region with what the platform needs of it (MySQL, a bucket, secrets), and machines launched in it."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from oci.object_storage import ObjectStorageClient

from services.boot.configuration import contract_of
from services.roles import ROLES
from tests.images.client import Client
from tests.images.machine import Machine
from tests.images.way_out import way_out
from tests.region.conftest import object_storage
from tests.region.metadata import Instance
from tests.region.mysql import ADMIN_PASSWORD, MySQL
from tests.region.network import GATEWAY, Network
from tests.region.policies import Verb
from tests.region.region import Region

REPOSITORY = Path(__file__).parents[2]
OUTPUT = REPOSITORY / "test-output/images"
ADDRESSES = {"mlflow": "10.0.1.10", "airflow": "10.0.1.11", "serving": "10.0.1.12"}
CLIENT_ADDRESS = "10.0.1.200"
DATABASE_HOST, DATABASE_ADDRESS = "db.sim.oraclevcn.com", "10.0.1.9"
BUCKET = "mlops"
AUTHORITY = "/run/region/authority.pem"
TRUST = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), AUTHORITY)
"""Where a machine finds the authority of the region's APIs, and how its processes are told of it."""
_AWKWARD = "p #%@/:?&=+$HOME ${x} `id` \\ \\n \"q\" 'q' ~!;|<>()[]{}^*,.é"
"""What a password may hold; a key goes into a header, where only ASCII without spaces is allowed."""


def image(role: str) -> Path:
    """The root that was baked for the role. Raises: FileNotFoundError: with the remedy."""
    root = REPOSITORY / "dist/images" / role / "root"
    if not root.exists():
        raise FileNotFoundError(f"there is no image {root}. Remedy: make image-local ROLE={role}")
    return root


@dataclass
class Site:
    """One region; `values` are the secrets that all machines share, by what they are for."""

    region: Region
    network: Network
    mysql: MySQL
    client: Client
    storage: ObjectStorageClient
    folder: Path
    values: dict[str, str] = field(default_factory=dict)
    _machines: list[Machine] = field(default_factory=list)
    _open: ExitStack = field(default_factory=ExitStack)
    _proxy: str = ""
    _secret_ids: dict[str, str] = field(default_factory=dict)

    def secret(self, purpose: str) -> str:
        """The value, made when it is first asked for: nothing on a machine may hold it by chance."""
        if purpose not in self.values:
            unique = secrets.token_urlsafe(12)
            self.values[purpose] = f"{unique}+/=" if "key" in purpose else f"{unique} {_AWKWARD}"
        return self.values[purpose]

    def contract(self, role: str) -> dict[str, str]:
        """The metadata of the role's machine."""
        hosts = ",".join(f"{name}={address}" for name, address in ADDRESSES.items())
        given = {
            "mlops_addresses": f"{hosts},public=mlops.example.org",
            "mlops_database_host": DATABASE_HOST,
            "mlops_bucket": f"{BUCKET}@{self.region.namespace}",
        }
        keys = contract_of(role).known_keys()
        return {key: given.get(key) or self._secret_id(purpose(role, key)) for key in keys}

    def launch(
        self,
        role: str,
        metadata: Mapping[str, str] | None = None,
        *,
        name: str = "",
        root: Path | None = None,
        lent: Mapping[Path, str] | None = None,
    ) -> Machine:
        """A new machine that is still off, with its contract or other metadata, and its policies.

        It boots from the role's image or from another root, and may be lent files of this machine.
        """
        self.give(role, self.contract(role) if metadata is None else metadata)
        name = f"{name or 'site'}-{role}"
        machine = Machine(
            next(each for each in ROLES if each.name == role),
            root or image(role),
            self.folder / f"{name}-{len(self._machines)}",
            ADDRESSES[role],
            self.network,
            self.client,
            OUTPUT / name,
            {
                **(lent or {}),
                self.region.authority_file: AUTHORITY,
                self.mysql.authority: "/usr/lib/mlops/database-authority.pem",
            },
            TRUST,
        )
        self._machines.append(machine)
        return machine

    def give(self, role: str, metadata: Mapping[str, str]) -> None:
        """Let the metadata service tell the role's machine this from now on."""
        self._allow(self.region.launch(ADDRESSES[role], role, metadata))

    def _secret_id(self, purpose: str) -> str:
        if purpose not in self._secret_ids:
            self._secret_ids[purpose] = self.region.add_secret(purpose, self.secret(purpose)).id
        return self._secret_ids[purpose]

    def _allow(self, instance: Instance) -> None:
        self.region.policies.allow(instance.id, Verb.READ, "secret-bundles")
        self.region.policies.allow(instance.id, Verb.READ, "buckets", BUCKET)
        self.region.policies.allow(instance.id, Verb.MANAGE, "objects", BUCKET)

    def proxy(self) -> str:
        """Where machines find an HTTP proxy to the world outside, which the region has not by itself."""
        if not self._proxy:
            listening = self.network.hub.bind(GATEWAY, 0)
            self._open.enter_context(way_out(listening))
            self._proxy = f"{GATEWAY}:{listening.getsockname()[1]}"
        return self._proxy

    def close(self) -> None:
        for machine in self._machines:
            machine.power_cut()
        self._open.close()


def purpose(role: str, key: str) -> str:
    """What a secret is for: some are the same one under the names that two roles have for it."""
    name = key.removeprefix("mlops_").removesuffix("_secret")
    shared = {
        ("mlflow", "admin"): "mlflow admin",
        ("mlflow", "airflow"): "airflow's password",
        ("airflow", "mlflow"): "airflow's password",
        ("airflow", "admin"): "airflow admin",
        ("airflow", "model_server_key"): "airflow's key",
        ("serving", "airflow_key"): "airflow's key",
    }
    return shared.get((role, name), name)


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Serve until the block is left; then every machine is off."""
    (folder / "region").mkdir(parents=True)
    region = Region(folder / "region")
    region.object_storage.store.create(BUCKET, region.compartment, "")
    with region.on_network() as network, region.on_loopback() as loopback:
        network.hosts[DATABASE_HOST] = DATABASE_ADDRESS
        storage = object_storage(region.config_file(region.add_user(administrator=True)), loopback)
        storage.base_client.session.verify = str(region.authority_file)
        # Authorities that this machine's environment names would take the place of that one.
        storage.base_client.session.trust_env = False
        place = network.join(DATABASE_ADDRESS)
        with MySQL(
            folder / "mysql", DATABASE_ADDRESS, 3306, prefix=place.command(), names=[DATABASE_HOST]
        ) as mysql:
            client = Client(network.join(CLIENT_ADDRESS))
            made = Site(region, network, mysql, client, storage, folder)
            made.values["database_admin"] = ADMIN_PASSWORD
            try:
                yield made
            finally:
                made.close()
                storage.base_client.session.close()
