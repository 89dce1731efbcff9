"""What the local platform keeps: everything below `.local/`, secrets in files of mode 0600."""

import fcntl
import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from services.local.environment import LINKS
from services.local.failure import Failure

SECRETS = (
    "MLFLOW_ADMIN_PASSWORD",
    "MLFLOW_AIRFLOW_PASSWORD",
    "MLFLOW_MODEL_SERVER_PASSWORD",
    "MLFLOW_DASHBOARD_PASSWORD",
    "MLFLOW_SECRET_KEY",
    "AIRFLOW_ADMIN_PASSWORD",
    "AIRFLOW_SECRET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_FERNET_KEY",
)
KEPT_BY_RESET = ("venvs",)

Port = Annotated[int, Field(ge=1024, le=65535)]
_PORTS = TypeAdapter(dict[str, Port])


@dataclass(frozen=True)
class State:
    """The folder `.local/` of one checkout."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".local"

    @property
    def secrets_file(self) -> Path:
        return self.folder / "secrets.env"

    @property
    def ports_file(self) -> Path:
        return self.folder / "ports.json"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def python(self, role: str) -> Path:
        """The interpreter of a role's environment."""
        return self.folder / "venvs" / role / "bin" / "python"

    def write(self, path: Path, text: str) -> None:
        """Replace a file at once, readable by its owner only."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        draft.replace(path)

    def ports(self) -> dict[str, int] | None:
        """The ports that the last `make up` used, None before the first; raises Failure on a corrupt file."""
        if not self.ports_file.exists():
            return None
        try:
            ports = _PORTS.validate_json(self.ports_file.read_bytes())
        except ValidationError:
            ports = {}
        if set(ports) != set(LINKS.values()):
            raise Failure(
                f"{self.ports_file} is corrupt: expected a port for each of {', '.join(LINKS.values())}, "
                "as `make up` writes it. "
                "Remedy: delete the file and run `make up` again; nothing else is lost."
            )
        return ports

    def keep_ports(self, ports: Mapping[str, int]) -> None:
        self.write(self.ports_file, json.dumps(dict(ports), indent=2) + "\n")

    def secrets(self) -> dict[str, str]:
        """The secrets kept, empty before the first `make up`; raises Failure on a corrupt file."""
        if not self.secrets_file.exists():
            return {}
        lines = self.secrets_file.read_text(errors="replace").splitlines()
        kept = dict(line.split("=", 1) for line in lines if line.count("=") > 0)
        if len(kept) != len(lines) or not set(kept) <= set(SECRETS) or not all(kept.values()):
            raise Failure(
                f"{self.secrets_file} is corrupt: expected one NAME=value a line, as `make up` writes it. "
                "Remedy: put the file back as it was, or run `make reset` to begin anew."
            )
        return kept

    def generate_secrets(self) -> dict[str, str]:
        """Generate what is missing, keep it, and return all of it."""
        kept = self.secrets()
        missing = [name for name in SECRETS if name not in kept]
        if missing:
            kept |= {name: _generate(name) for name in missing}
            self.write(self.secrets_file, "".join(f"{name}={value}\n" for name, value in kept.items()))
        return kept

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the checkout for one command that starts or stops; raises Failure while another one does."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Failure(
                    f"{self.folder} is in use by another `make` command. Remedy: wait for its end."
                ) from None
            yield

    def erasable(self) -> list[Path]:
        """What `make reset` deletes: all but the installed environments."""
        if not self.folder.exists():
            return []
        return sorted(path for path in self.folder.iterdir() if path.name not in KEPT_BY_RESET)


def _generate(name: str) -> str:
    if name.endswith("FERNET_KEY"):
        return urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(24)
