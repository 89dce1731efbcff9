"""Where things lie on an image. Below another root in tests; the owners of the folders stay the owners."""

import os
from dataclasses import dataclass
from pathlib import Path

from services.boot.failure import Failure


@dataclass(frozen=True)
class Machine:
    """An image's disk: `/etc/mlops` and `/var/lib/mlops` were made, and given to the role, at bake."""

    root: Path = Path("/")

    @property
    def role(self) -> str:
        """What the image is for.

        Raises:
            Failure: when this is no image.
        """
        file = self.root / "usr/lib/mlops/role"
        try:
            return file.read_text().strip()
        except OSError as error:
            raise Failure(
                f"{file} cannot be read ({error.strerror}): the name of the image's role is expected in it. "
                "Remedy: run this on an image, where the bake wrote it."
            ) from None

    @property
    def settings(self) -> Path:
        return self.root / "etc/mlops"

    @property
    def state(self) -> Path:
        return self.root / "var/lib/mlops"

    @property
    def database_authority(self) -> Path | None:
        """The authority of the database's certificate, where the image knows one."""
        file = self.root / "usr/lib/mlops/database-authority.pem"
        return file if file.exists() else None

    def user(self) -> tuple[int, int]:
        """User and group ID of the role: those that its state belongs to."""
        status = os.stat(self.state)  # noqa: PTH116
        return status.st_uid, status.st_gid
