"""CIDR blocks and private addresses, held to OCI's rules."""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from oci.core import models

from tests.region.errors import invalid
from tests.region.resources import Kind, Resource, Resources, conflict

PRIVATE_IP = Kind("privateip", models.PrivateIp, "private-ips", creating="AVAILABLE")

_LABEL = re.compile(r"[a-z][a-z0-9]{0,14}", re.IGNORECASE)
_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


def network(text: object, where: str) -> IPv4Network:
    """Raises: ServiceError: 400 unless it is an IPv4 network with no host bits."""
    try:
        return IPv4Network(str(text))
    except ValueError as error:
        raise invalid(f"{where} must be a CIDR block such as 10.0.0.0/16: {error}.") from None


def blocks(texts: Iterable[object], where: str) -> list[IPv4Network]:
    """The blocks of a VCN or a subnet: /16 to /30, none over another."""
    found: list[IPv4Network] = []
    for text in texts:
        block = network(text, where)
        if not 16 <= block.prefixlen <= 30:
            raise invalid(f"{where}: {block} must be between /16 and /30.")
        check_apart(block, found, where)
        found.append(block)
    return found


def check_apart(block: IPv4Network, others: Iterable[IPv4Network], where: str) -> None:
    """Raises: ServiceError: 400 for a block over one of the others."""
    for other in others:
        if block.overlaps(other):
            raise invalid(f"{where}: the requested CIDR {block} is invalid: it overlaps with {other}.")


def check_label(label: object, where: str) -> None:
    """Raises: ServiceError: 400 for what cannot be a VCN's or a subnet's DNS label."""
    if label is not None and not _LABEL.fullmatch(str(label)):
        raise invalid(
            f"{where} must be at most 15 letters and digits, starting with a letter, not {label!r}."
        )


def take(
    table: Resources, subnet: Resource, owner: str, *, wanted: str | None = None, hostname: str | None = None
) -> Resource:
    """A private address of the subnet for its owner: the wanted one or the next free one.

    It is given back by deleting it, and keeps the subnet in use until then.

    Raises:
        ServiceError: 400 for one outside of the subnet or a bad host name, 409 for what is taken.
    """
    network_ = IPv4Network(subnet["cidrBlock"])
    with table.lock:
        others = table.of(PRIVATE_IP, subnetId=subnet.id)
        used = {IPv4Address(other["ipAddress"]) for other in others}
        _check_hostname(hostname, subnet, others)
        # The first two and the last address of a subnet are OCI's own.
        usable = list(network_)[2:-1]
        if wanted is None:
            address = next((each for each in usable if each not in used), None)
            if address is None:
                raise conflict(f"{subnet.id} has no free address.", "LimitExceeded")
        else:
            address = _address(wanted)
            if address not in usable:
                raise invalid(f"The private IP {wanted} is not an address for hosts in {network_}.")
            if address in used:
                raise conflict(f"The private IP {wanted} is in use in {subnet.id}.")
        fields = {
            "compartmentId": subnet.compartment,
            "subnetId": subnet.id,
            "vnicId": owner,
            "ipAddress": str(address),
            "hostnameLabel": hostname,
            "name": f"{hostname}.{subnet['subnetDomainName']}".lower() if hostname else None,
            "isPrimary": True,
        }
        return table.add(PRIVATE_IP, fields, settled=True)


class Names(Mapping[str, str]):
    """The DNS of the VCNs: full names → addresses as they are at the moment; `besides` are further ones."""

    def __init__(self, table: Resources, besides: Mapping[str, str]) -> None:
        self._table = table
        self._besides = besides

    def __getitem__(self, name: str) -> str:
        return {**self._known(), **self._besides}[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._known(), **self._besides})

    def __len__(self) -> int:
        return len({**self._known(), **self._besides})

    def _known(self) -> dict[str, str]:
        taken = self._table.of(PRIVATE_IP)
        return {str(each["name"]): str(each["ipAddress"]) for each in taken if each["name"]}


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise invalid(f"The private IP must be an IPv4 address, not {text!r}.") from None


def _check_hostname(hostname: str | None, subnet: Resource, others: Iterable[Resource]) -> None:
    if hostname is None:
        return
    if not _HOSTNAME.fullmatch(hostname):
        raise invalid(f"hostnameLabel must be letters, digits and hyphens, at most 63, not {hostname!r}.")
    if subnet["dnsLabel"] is None:
        raise invalid(f"hostnameLabel cannot be given: {subnet.id} has no dnsLabel.")
    if any((other["hostnameLabel"] or "").lower() == hostname.lower() for other in others):
        raise conflict(f"The hostnameLabel {hostname} is in use in {subnet.id}.")
