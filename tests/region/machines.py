"""What an instance is made of: a hook that boots a machine, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Launch:
    """What a machine is to be: the instance, where it is on the network, and the image it boots from."""

    instance: str
    display_name: str
    hostname: str
    address: str
    image: str
    image_name: str
    content: Path | None
    metadata: Mapping[str, str]
    shape: str


class Machines(Protocol):
    """Boots machines for instances; every call comes in a thread of its own and may take its time.

    An instance is RUNNING when `launch` has returned, and TERMINATED if it raises.
    """

    def launch(self, launch: Launch) -> None: ...

    def terminate(self, instance: str) -> None: ...

    def act(self, instance: str, action: str) -> None:
        """STOP, START, RESET and their soft forms."""


class NoMachines:
    """Instances of which nothing boots."""

    def launch(self, launch: Launch) -> None:
        """Be there at once."""

    def terminate(self, instance: str) -> None:
        """Be gone at once."""

    def act(self, instance: str, action: str) -> None:
        """Nothing runs that could be stopped."""
