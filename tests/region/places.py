"""Where things can be: availability domains, fault domains, and which shapes have room there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.region.errors import invalid

FAULT_DOMAINS = ("FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3")


@dataclass(frozen=True)
class Shape:
    """A shape of instances; a flexible one has ranges, another one size."""

    name: str
    processor: str
    flexible: bool
    ocpus: tuple[float, float]
    memory: tuple[float, float]
    memory_per_ocpu: tuple[float, float] = (1, 64)
    arm: bool = False

    def config(self, asked: Mapping[str, Any] | None) -> dict[str, Any]:
        """The shapeConfig of an instance.

        Raises:
            ServiceError: 400 for a flexible shape without a size or with one it does not take.
        """
        if not self.flexible:
            ocpus, memory = self.ocpus[0], self.memory[0]
        elif not asked or asked.get("ocpus") is None:
            raise invalid(
                f"shapeConfig.ocpus is required for the flexible shape {self.name}.", "MissingParameter"
            )
        else:
            ocpus = asked["ocpus"]
            memory = asked.get("memoryInGBs") or min(ocpus * 16, self.memory[1])
            _within(ocpus, self.ocpus, f"shapeConfig.ocpus of {self.name}")
            _within(memory, self.memory, f"shapeConfig.memoryInGBs of {self.name}")
            _within(memory / ocpus, self.memory_per_ocpu, f"the GB of memory per OCPU of {self.name}")
        return {
            "ocpus": float(ocpus),
            "memoryInGBs": float(memory),
            "vcpus": int(ocpus * (1 if self.arm else 2)),
            "baselineOcpuUtilization": (asked or {}).get("baselineOcpuUtilization"),
            "processorDescription": self.processor,
            "networkingBandwidthInGbps": max(1.0, float(ocpus)),
            "maxVnicAttachments": 2,
            "gpus": 0,
            "localDisks": 0,
        }

    @property
    def shown(self) -> dict[str, Any]:
        """As ListShapes has it."""
        smallest = {"min": self.ocpus[0], "max": self.ocpus[1]}
        per_ocpu = {
            "minPerOcpuInGBs": self.memory_per_ocpu[0],
            "maxPerOcpuInGBs": self.memory_per_ocpu[1],
            "defaultPerOcpuInGBs": 16.0,
        }
        options = {
            "ocpuOptions": smallest,
            "memoryOptions": {"minInGBs": self.memory[0], "maxInGBs": self.memory[1], **per_ocpu},
        }
        return {
            "shape": self.name,
            "processorDescription": self.processor,
            "ocpus": self.ocpus[0],
            "memoryInGBs": self.memory[0],
            "isFlexible": self.flexible,
            "billingType": "PAID" if self.flexible else "ALWAYS_FREE",
            "networkPorts": 1,
            "networkingBandwidthInGbps": 1.0,
            "maxVnicAttachments": 2,
            "gpus": 0,
            "localDisks": 0,
            "quotaNames": [],
            **(options if self.flexible else {}),
        }


SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        Shape("VM.Standard.E4.Flex", "2.55 GHz AMD EPYC 7J13 (Milan)", True, (1, 114), (1, 1760)),
        Shape("VM.Standard.E5.Flex", "2.4 GHz AMD EPYC 9J14 (Genoa)", True, (1, 126), (1, 1776)),
        Shape("VM.Standard.A1.Flex", "3.0 GHz Ampere Altra", True, (1, 80), (1, 512), arm=True),
        Shape("VM.Standard.E2.1.Micro", "2.0 GHz AMD EPYC 7551 (Naples)", False, (1, 1), (1, 1)),
    )
}


@dataclass
class Places:
    """The availability domains, and what a test takes away: shapes that are not offered or have no room."""

    region: str
    region_key: str
    not_offered: set[tuple[str, str]] = field(default_factory=set)
    out_of_capacity: set[tuple[str, str]] = field(default_factory=set)

    @property
    def availability_domains(self) -> tuple[str, ...]:
        return tuple(f"sim:{self.region.upper()}-AD-{number}" for number in (1, 2, 3))

    def check(self, domain: object, where: str) -> None:
        """Raises: ServiceError: 400 unless it is an availability domain of this region."""
        if domain not in self.availability_domains:
            known = ", ".join(self.availability_domains)
            raise invalid(f"{where} must be one of {known}, not {domain!r}.")

    def shape(self, name: object, where: str) -> Shape:
        """Raises: ServiceError: 400 unless there is such a shape."""
        if name not in SHAPES:
            raise invalid(f"{where} must be a shape such as {', '.join(SHAPES)}, not {name!r}.")
        return SHAPES[str(name)]

    def offered(self, domain: str | None) -> Iterable[Shape]:
        """The shapes of an availability domain, or of any."""
        domains = [domain] if domain else self.availability_domains
        return [shape for shape in SHAPES.values() if any(self.offers(each, shape.name) for each in domains)]

    def offers(self, domain: str, shape: str) -> bool:
        return (domain, shape) not in self.not_offered

    def has_room(self, domain: str, shape: str) -> bool:
        return self.offers(domain, shape) and (domain, shape) not in self.out_of_capacity


def _within(value: float, bounds: tuple[float, float], what: str) -> None:
    if not bounds[0] <= value <= bounds[1]:
        raise invalid(f"{what} must be from {bounds[0]:g} to {bounds[1]:g}, not {value:g}.")
