import http.server
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from oci.bastion import BastionClient
from oci.bastion.models import CreateBastionDetails, UpdateBastionDetails
from oci.certificates_management.models import Certificate
from oci.core import VirtualNetworkClient
from oci.core.models import CreateSubnetDetails, CreateVcnDetails
from oci.exceptions import ServiceError
from oci.load_balancer import LoadBalancerClient, models

from tests.region.certificates import Issued
from tests.region.proxies import NoProxy, TlsProxy
from tests.region.region import Region
from tests.region.resources import Kind

Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def balancers(connect: Connect) -> Any:
    return connect(LoadBalancerClient)


@pytest.fixture(scope="module")
def subnets(region: Region, connect: Connect) -> list[str]:
    """A public subnet and a private one."""
    network = connect(VirtualNetworkClient)
    vcn = network.create_vcn(
        CreateVcnDetails(compartment_id=region.compartment, cidr_block="10.0.0.0/16")
    ).data
    return [
        network.create_subnet(
            CreateSubnetDetails(
                compartment_id=region.compartment,
                vcn_id=vcn.id,
                cidr_block=f"10.0.{number}.0/24",
                prohibit_public_ip_on_vnic=bool(number),
            )
        ).data.id
        for number in (0, 1)
    ]


@pytest.fixture
def certificate(region: Region) -> str:
    kind = Kind("certificate", Certificate, "leaf-certificates")
    return region.resources.add(kind, {"compartmentId": region.compartment}, settled=True).id


def details(region: Region, subnet: str, **fields: Any) -> models.CreateLoadBalancerDetails:
    given: dict[str, Any] = {
        "compartment_id": region.compartment,
        "display_name": "balancer",
        "shape_name": "flexible",
        "subnet_ids": [subnet],
        "shape_details": models.ShapeDetails(minimum_bandwidth_in_mbps=10, maximum_bandwidth_in_mbps=10),
    }
    return models.CreateLoadBalancerDetails(**given | fields)


def made(balancers: Any, response: Any) -> str:
    work = balancers.get_work_request(response.headers["opc-work-request-id"]).data
    assert work.lifecycle_state == "SUCCEEDED"
    return str(work.load_balancer_id)


def backend_set(port: int) -> models.CreateBackendSetDetails:
    return models.CreateBackendSetDetails(
        name="app",
        policy="ROUND_ROBIN",
        health_checker=models.HealthCheckerDetails(protocol="HTTP", url_path="/"),
        backends=[models.BackendDetails(ip_address="127.0.0.1", port=port)],
    )


def listener(port: int, certificate: str, **fields: Any) -> models.CreateListenerDetails:
    return models.CreateListenerDetails(
        name="app",
        default_backend_set_name="app",
        port=port,
        protocol="HTTP",
        ssl_configuration=models.SSLConfigurationDetails(certificate_ids=[certificate]),
        **fields,
    )


def test_a_load_balancer_is_built_up_and_taken_down(
    region: Region, balancers: Any, subnets: list[str], certificate: str
) -> None:
    balancer = made(balancers, balancers.create_load_balancer(details(region, subnets[0])))
    shown = balancers.get_load_balancer(balancer).data
    assert (shown.lifecycle_state, shown.ip_addresses[0].is_public) == ("ACTIVE", True)
    with pytest.raises(ServiceError, match=r"(?s)400.*has no app"):
        balancers.create_listener(listener(5000, certificate), balancer)
    balancers.create_backend_set(backend_set(5000), balancer)
    with pytest.raises(ServiceError, match=r"(?s)404.*certificate.*was not found"):
        balancers.create_listener(listener(5000, "ocid1.certificate.oc99..0"), balancer)
    balancers.create_listener(listener(5000, certificate), balancer)
    with pytest.raises(ServiceError, match=r"(?s)409.*in use by the listener app"):
        balancers.delete_backend_set(balancer, "app")
    backend = models.CreateBackendDetails(ip_address="10.0.1.9", port=5000)
    balancers.create_backend(backend, balancer, "app")
    with pytest.raises(ServiceError, match=r"(?s)409.*10\.0\.1\.9:5000"):
        balancers.create_backend(backend, balancer, "app")
    assert len(balancers.get_backend_set(balancer, "app").data.backends) == 2
    balancers.delete_backend(balancer, "app", "10.0.1.9:5000")
    balancers.delete_listener(balancer, "app")
    balancers.delete_backend_set(balancer, "app")
    work = balancers.delete_load_balancer(balancer).headers["opc-work-request-id"]
    assert balancers.get_work_request(work).data.lifecycle_state == "SUCCEEDED"
    with pytest.raises(ServiceError, match="404"):
        balancers.get_load_balancer(balancer)


def test_a_load_balancer_is_checked(region: Region, balancers: Any, subnets: list[str]) -> None:
    slow = models.ShapeDetails(minimum_bandwidth_in_mbps=1, maximum_bandwidth_in_mbps=10)
    for wanted, words in (
        (details(region, subnets[1]), "needs a public subnet"),
        (details(region, subnets[0], shape_name="400Mbps"), "must be flexible"),
        (details(region, subnets[0], shape_details=slow), "not within 10 to 8000"),
    ):
        with pytest.raises(ServiceError, match=f"(?s)400.*{words}"):
            balancers.create_load_balancer(wanted)


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the headers that it was asked with."""

    def do_GET(self) -> None:
        body = str(self.headers).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def echo() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_listener_ends_tls_and_leads_to_a_backend(
    region: Region, balancers: Any, subnets: list[str], certificate: str, echo: int, tmp_path: Path
) -> None:
    authority = Issued.root("Test")
    issued = authority.issue("localhost", hosts=["127.0.0.1"])
    file = tmp_path / "certificate.pem"
    file.write_bytes(issued.pem + issued.key_pem)
    bound: list[socket.socket] = []

    def bind(_address: str, _port: int) -> socket.socket:
        bound.append(socket.create_server(("127.0.0.1", 0)))
        return bound[-1]

    proxy = TlsProxy(bind, {certificate: file}.__getitem__)
    region.infrastructure.load_balancers.proxy = proxy
    trusting = ssl.create_default_context(cadata=authority.pem.decode())
    try:
        balancer = made(balancers, balancers.create_load_balancer(details(region, subnets[0])))
        balancers.create_backend_set(backend_set(echo), balancer)
        balancers.create_listener(listener(5000, certificate), balancer)
        url = f"https://127.0.0.1:{bound[-1].getsockname()[1]}/"
        with urllib.request.urlopen(url, context=trusting, timeout=5) as answer:
            text = answer.read().decode()
        assert "X-Forwarded-Proto: https" in text
        assert "X-Forwarded-For: 127.0.0.1" in text

        balancers.delete_backend(balancer, "app", f"127.0.0.1:{echo}")
        url = f"https://127.0.0.1:{bound[-1].getsockname()[1]}/"
        with pytest.raises(urllib.error.HTTPError, match="502"):
            urllib.request.urlopen(url, context=trusting, timeout=5)
        balancers.delete_load_balancer(balancer)
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(url, context=trusting, timeout=5)
    finally:
        region.infrastructure.load_balancers.proxy = NoProxy()
        proxy.close()


def test_a_bastion_is_made_changed_and_deleted(region: Region, connect: Connect, subnets: list[str]) -> None:
    bastions = connect(BastionClient)
    wanted = CreateBastionDetails(
        bastion_type="STANDARD",
        compartment_id=region.compartment,
        target_subnet_id=subnets[1],
        client_cidr_block_allow_list=["192.0.2.0/24"],
    )
    created = bastions.create_bastion(wanted)
    assert created.data.lifecycle_state == "CREATING"
    work = bastions.get_work_request(created.headers["opc-work-request-id"]).data
    assert (work.status, work.resources[0].identifier) == ("SUCCEEDED", created.data.id)
    wanted.client_cidr_block_allow_list = ["anywhere"]
    with pytest.raises(ServiceError, match="CIDR block"):
        bastions.create_bastion(wanted)
    assert bastions.get_bastion(created.data.id).data.lifecycle_state == "ACTIVE"
    changed = UpdateBastionDetails(max_session_ttl_in_seconds=1800)
    bastions.update_bastion(created.data.id, changed)
    assert bastions.get_bastion(created.data.id).data.max_session_ttl_in_seconds == 1800
    bastions.delete_bastion(created.data.id)
    assert bastions.get_bastion(created.data.id).data.lifecycle_state == "DELETED"
