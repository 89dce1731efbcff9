"""The region as a whole: its services, its people and machines, and the two ways to reach it."""

import json
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.region import listening, metadata
from tests.region.addresses import Names
from tests.region.certificates import Issued, private_key, private_pem
from tests.region.data_services import DataServices
from tests.region.faults import Faults
from tests.region.identity import Identity, Principal
from tests.region.infrastructure import Infrastructure
from tests.region.metadata import Instance, MetadataService
from tests.region.network import GATEWAY, SERVICES, Network
from tests.region.object_storage import ObjectStorage
from tests.region.policies import Policies, Verb
from tests.region.proxies import TlsProxy
from tests.region.resource_manager import ResourceManager
from tests.region.resources import Resources
from tests.region.secrets import Secret, Secrets
from tests.region.server import Front, Service


@dataclass(frozen=True)
class User:
    """A user with one API key."""

    id: str
    fingerprint: str
    key: rsa.RSAPrivateKey


class Region:
    """One tenancy with one compartment in one region; all state is in memory and below `folder`."""

    def __init__(
        self, folder: Path, name: str = "sim-1", domain: str = "oci.test", namespace: str = "simspace"
    ) -> None:
        self.folder = folder
        self.name = name
        self.domain = domain
        self.namespace = namespace
        self.tenancy = ocid("tenancy")
        self.compartment = ocid("compartment")
        self.policies = Policies()
        self.faults = Faults()
        self.resources = Resources(name)
        self.identity = Identity(self.tenancy, self.compartment)
        self.metadata = MetadataService(self.metadata_of_region, self.tenancy, self.identity.intermediate)
        self.object_storage = ObjectStorage(folder / "objects", namespace, self.compartment, name)
        self.secrets = Secrets()
        self.front = Front(domain, name, self.identity, self.policies, self.faults)
        self.authority_file = folder / "authority.pem"
        variables = {"tenancy_ocid": self.tenancy, "region": name}
        self.resource_manager = ResourceManager(
            folder / "resource-manager", variables, self.environment, self._lend_key
        )
        self.infrastructure = Infrastructure(
            self.resources,
            self.policies,
            self.metadata,
            self.object_storage,
            region_key=self.metadata_of_region["regionKey"],
            tenancy=self.tenancy,
            compartment=self.compartment,
            issue=self.identity.instance_certificate,
        )
        self.data = DataServices(self.resources, self.secrets, f"{name}.{domain}")
        own: tuple[Service, ...] = (self.object_storage, self.secrets, self.resource_manager)
        for service in (*own, *self.data.all, *self.infrastructure.services):
            self.front.mount(service)
        authority = Issued.root("Region of our own")
        self.authority_file.write_bytes(authority.pem)
        below = (f"{name}.{domain}", f"{name}.oci.{domain}", f"{name}.ocp.{domain}")
        zones = (*below, f"vaults.{name}.oci.{domain}", f"kms.{name}.{domain}", f"kms.{name}.oci.{domain}")
        hosts = [*(f"*.{zone}" for zone in zones), "127.0.0.1", "localhost"]
        issued = authority.issue(f"*.{name}.{domain}", hosts=hosts)
        self._certificate = folder / "server.pem"
        self._certificate.touch(mode=0o600)
        self._certificate.write_bytes(issued.pem + issued.key_pem)

    @property
    def metadata_of_region(self) -> Mapping[str, str]:
        """What OCI_REGION_METADATA and an instance's regionInfo say of the region."""
        return {
            "realmKey": "OC99",
            "realmDomainComponent": self.domain,
            "regionKey": "SIM",
            "regionIdentifier": self.name,
        }

    @property
    def environment(self) -> dict[str, str]:
        """What an unmodified client needs to find and to trust the region."""
        authority = str(self.authority_file)
        return {
            "OCI_REGION_METADATA": json.dumps(self.metadata_of_region),
            "REQUESTS_CA_BUNDLE": authority,
            "SSL_CERT_FILE": authority,
        }

    def add_user(self, *, administrator: bool = False) -> User:
        """A user with an API key, and with every right or none."""
        key = private_key()
        user = ocid("user")
        if administrator:
            self.policies.allow(user, Verb.MANAGE, "*")
        return User(user, self.identity.add_api_key(user, key.public_key()), key)

    def config_file(self, user: User, *, session: bool = False) -> Path:
        """An OCI configuration file for the user: with the API key, or with a session token as
        `oci session authenticate` leaves it."""
        folder = self.folder / f"config-{uuid.uuid4().hex}"
        folder.mkdir(mode=0o700)
        key = private_key() if session else user.key
        token = None
        if session:
            token = self.identity.token(Principal(user.id, self.tenancy, "user"), key.public_key())
        return self._write_config(folder, User(user.id, user.fingerprint, key), token)

    def launch(
        self, address: str, display_name: str = "machine", contract: Mapping[str, str] | None = None
    ) -> Instance:
        """Let whoever asks the metadata service from `address` be a new instance with this metadata."""
        instance_id = ocid("instance")
        certificate = self.identity.instance_certificate(instance_id, self.compartment)
        instance = Instance(instance_id, address, self.compartment, display_name, certificate, contract or {})
        self.metadata.add(instance)
        return instance

    def add_secret(self, name: str, value: str | bytes) -> Secret:
        secret = Secret(ocid("vaultsecret"), name, ocid("vault"))
        secret.put(value)
        self.secrets.add(secret)
        return secret

    def certificate_file(self, certificate: str) -> Path:
        """What a load balancer serves by this certificate: its chain and its key, in one file."""
        leaf, authority = self.data.certificates.chain(certificate, "certificateIds")
        file = self.folder / f"{certificate}.pem"
        file.touch(mode=0o600)
        file.write_bytes(leaf.pem + authority.pem + leaf.key_pem)
        return file

    def proxy(self, network: Network) -> TlsProxy:
        """The real proxy of load balancers, at the addresses that they show, for `load_balancers.proxy`."""

        def bind(address: str, port: int) -> socket.socket:
            network.hub.ip(f"addr replace {address}/32 dev br0")
            return network.hub.bind(address, port)

        return TlsProxy(bind, self.certificate_file, lambda: network.hub.bind(GATEWAY, 0))

    def _write_config(self, folder: Path, user: User, token: str | None = None) -> Path:
        lines = {
            "user": user.id,
            "fingerprint": user.fingerprint,
            "tenancy": self.tenancy,
            "region": self.name,
            "key_file": str(folder / "key.pem"),
        }
        _write_secret(folder / "key.pem", private_pem(user.key).decode())
        if token:
            lines["security_token_file"] = str(folder / "token")
            _write_secret(folder / "token", token)
        text = "\n".join(["[DEFAULT]", *(f"{name}={value}" for name, value in lines.items())])
        _write_secret(folder / "config", text + "\n")
        return folder / "config"

    def _lend_key(self, principal: Principal, home: Path) -> Callable[[], None]:
        """Let whoever finds this home act as the principal until that is withdrawn."""
        key = private_key()
        fingerprint = self.identity.add_api_key(principal.id, key.public_key())
        (home / ".oci").mkdir(mode=0o700, parents=True)
        self._write_config(home / ".oci", User(principal.id, fingerprint, key))
        return lambda: self.identity.remove_api_key(fingerprint)

    @contextmanager
    def on_loopback(self) -> Iterator["Loopback"]:
        """Serve on two free ports of loopback, for clients that are given the addresses. Needs no root."""
        with ExitStack() as stack:
            api, metadata_service = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
            stack.enter_context(listening.http(self.front, [api], self._certificate))
            stack.enter_context(listening.http(self.metadata.app, [metadata_service]))
            stack.callback(self.data.close)
            stack.callback(self.resource_manager.close)
            yield Loopback(
                f"https://127.0.0.1:{api.getsockname()[1]}",
                f"http://127.0.0.1:{metadata_service.getsockname()[1]}/opc/v2",
            )

    @contextmanager
    def on_network(self) -> Iterator[Network]:
        """Serve in namespaces, under OCI's own names; join the network to use it. Needs root."""
        with Network(self.folder) as network, ExitStack() as stack:
            api = network.hub.bind(SERVICES, 443)
            metadata_service = network.hub.bind(metadata.ADDRESS, 80)
            resolver = network.hub.bind(metadata.ADDRESS, 53, socket.SOCK_DGRAM)
            below = (self.domain, f"oci.{self.domain}", f"ocp.{self.domain}")
            zones = tuple(f"{self.name}.{domain}" for domain in below)
            known = Names(self.resources, network.hosts)
            stack.enter_context(listening.http(self.front, [api], self._certificate))
            stack.enter_context(listening.http(self.metadata.app, [metadata_service]))
            stack.enter_context(listening.names(resolver, SERVICES, zones, known))
            self.resource_manager.enter = network.hub.command
            stack.callback(self.data.close)
            stack.callback(self.resource_manager.close)
            yield network


@dataclass(frozen=True)
class Loopback:
    """Where the region is: the APIs (one address for all of them) and the metadata service."""

    endpoint: str
    metadata_url: str

    @property
    def federation_endpoint(self) -> str:
        return f"{self.endpoint}/v1/x509"


def ocid(kind: str) -> str:
    return f"ocid1.{kind}.oc99..{uuid.uuid4().hex}"


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
