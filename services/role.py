"""The words every role is described in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """One supervised process: `python -m MODULE ARGUMENTS…`, the same on images and on one machine.

    `port` and `health` (a path that answers 200 when the service is healthy) are None
    for a process that does not listen.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    port: int | None = None
    health: str | None = None


@dataclass(frozen=True)
class Role:
    """What an image is for: the folder `services/<name>` and the services it starts."""

    name: str
    services: tuple[Service, ...]
