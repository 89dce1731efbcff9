"""Airflow's task logs in a bucket: uploaded when a task ends, read from there when the machine is gone."""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import Processor

from services.object_storage.bucket import Bucket
from services.object_storage.failures import AWAY, reason
from services.object_storage.location import Location

log = structlog.get_logger(__name__)


class BucketTaskLogs:
    """What Airflow calls a RemoteLogStreamIO. A bucket that is away never fails a task or a page."""

    def __init__(self, location: Location, local_folder: Path) -> None:
        self._location = location
        self._local_folder = local_folder
        # A task's slot is not free before its log is away.
        self._bucket = Bucket(location, patient=False)

    @property
    def processors(self) -> tuple[Processor, ...]:
        return ()

    def upload(self, path: PathLike[str] | str, ti: Any = None) -> None:  # noqa: ARG002
        """Store a log, given relative to the folder of all logs.

        The local file stays: a deferred task goes on writing to it, and is uploaded again.
        """
        file = self._local_folder / path
        if not file.is_file():
            return
        relative = file.relative_to(self._local_folder).as_posix()
        try:
            self._bucket.upload(self._location.key(relative), file)
        except AWAY as error:
            log.warning("The task's log stays on this machine only", file=str(file), reason=reason(error))

    def stream(self, relative_path: str, ti: Any) -> tuple[list[str], list[Iterator[str]]]:  # noqa: ARG002
        """Where logs of the path were found, and the lines of each; a trigger's log is beside its task's."""
        try:
            found = [entry.name for entry in self._bucket.entries(self._location.key(relative_path))]
        except AWAY as error:
            return [f"The logs in {self._location} cannot be read: {reason(error)}"], []
        sources = [f"oci://{self._location.bucket}@{self._location.namespace}/{name}" for name in found]
        return sources, [self._lines(name) for name in found]

    def read(self, relative_path: str, ti: Any) -> tuple[list[str], list[str] | None]:
        """The same, all at once."""
        sources, logs = self.stream(relative_path, ti)
        return sources, ["\n".join(lines) for lines in logs] or None

    def _lines(self, name: str) -> Iterator[str]:
        rest = b""
        for chunk in self._bucket.stream(name):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
        if rest:
            yield rest.decode(errors="replace")
