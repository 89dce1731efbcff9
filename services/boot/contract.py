"""The contract: which metadata keys a role takes, what each must look like, and what is made of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from services.boot.failure import Failure

PREFIX = "mlops_"
"""Keys that are ours; the others, such as ssh_authorized_keys and user_data, are OCI's own."""

_NAME = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_NAME}(:(?P<port>[0-9]{{1,5}}))?")
_SECRET = re.compile(r"ocid1\.vaultsecret(\.[A-Za-z0-9_-]*){2}\.[A-Za-z0-9._-]+")
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,256}@[A-Za-z0-9_-]{1,256}")
_ENTRY = re.compile(rf"(?P<role>[a-z][a-z-]*)=(?:https://)?(?P<host>{_NAME})")
PUBLIC = "public"
ADMIN_SECRET = "database_admin_secret"  # noqa: S105  # pragma: allowlist secret
"""The field whose secret is read only when the administrator is needed, and never kept."""
_LAST_PORT = 65535


@dataclass(frozen=True)
class Addresses:
    """Where the roles are on the private network, and the hosts that people's browsers call."""

    hosts: Mapping[str, str]
    public: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises: ValueError: for anything but role=host entries, each role once."""
        hosts: dict[str, str] = {}
        public: list[str] = []
        for entry in filter(None, map(str.strip, text.split(","))):
            match = _ENTRY.fullmatch(entry)
            if match is None:
                raise ValueError(f"{entry!r} is no role=host")
            if match["role"] == PUBLIC:
                public.append(match["host"])
            elif match["role"] in hosts:
                raise ValueError(f"{match['role']} is there twice")
            else:
                hosts[match["role"]] = match["host"]
        return cls(hosts, tuple(public))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is expected")  # noqa: TRY004 - pydantic makes a sentence of this one only
    return value


def _matching(pattern: re.Pattern[str], expected: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not pattern.fullmatch(_text(value)):
            raise ValueError(f"{expected} is expected")
        return _text(value)

    return check


def _host(value: object) -> str:
    match = _HOST.fullmatch(_text(value))
    if match is None or not 0 < int(match["port"] or 1) <= _LAST_PORT:
        raise ValueError("a host name or IPv4 address, with :port unless it is 3306, is expected")
    return _text(value)


def _addresses(value: object) -> Addresses:
    try:
        return Addresses.parse(_text(value))
    except ValueError as error:
        raise ValueError(f"role=host entries separated by commas are expected, {error}") from None


DatabaseHost = Annotated[
    str,
    BeforeValidator(_host),
    Field(description="give the endpoint of the MySQL DB system"),
]
SecretId = Annotated[
    str,
    BeforeValidator(_matching(_SECRET, "a secret's OCID, ocid1.vaultsecret.…,")),
    Field(description="give the OCID of the secret in Vault, never its value"),
]
Bucket = Annotated[
    str,
    BeforeValidator(_matching(_BUCKET, "bucket@namespace")),
    Field(description="give the bucket's name and the tenancy's Object Storage namespace"),
]
AddressList = Annotated[
    Addresses,
    BeforeValidator(_addresses),
    Field(
        description="such as mlflow=10.0.1.10,airflow=10.0.1.11,serving=10.0.1.12,public=mlops.example.org"
    ),
]


@dataclass(frozen=True)
class Given:
    """What a role makes its environment files of, beside its contract."""

    secrets: Mapping[str, str]
    """The values of the contract's secrets, by field; the database administrator's is not among them."""
    databases: Mapping[str, str]
    """The URIs of the role's databases, with the role's own user."""
    state: Path
    kept: Callable[[str], str]
    """The value that a variable has in the files already, or a new random one."""


class Contract(BaseModel):
    """The base of a role's contract: a field a key (without its prefix), the description is the remedy."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda field: PREFIX + field,
        arbitrary_types_allowed=True,
    )

    needs: ClassVar[tuple[str, ...]] = ()
    """The roles whose address it must be told."""
    prepares: ClassVar[bool] = False
    """Whether `python -m services.<role> prepare` must end well before the services start."""

    addresses: AddressList

    @classmethod
    def read(cls, metadata: Mapping[str, object]) -> Self:
        """Validate the keys that are ours.

        Raises:
            Failure: a sentence for each key that is unknown, missing or wrong.
        """
        ours = {key: value for key, value in metadata.items() if key.startswith(PREFIX)}
        try:
            contract = cls.model_validate(ours)
        except ValidationError as error:
            raise Failure("\n".join(map(cls._sentence, error.errors(include_url=False)))) from None
        if unknown := [role for role in cls.needs if role not in contract.addresses.hosts]:
            raise Failure(
                f"{PREFIX}addresses is {metadata[PREFIX + 'addresses']!r}: "
                f"an entry {unknown[0]}=host is expected. Remedy: add it, "
                f"{cls.model_fields['addresses'].description}."
            )
        return contract

    @classmethod
    def known_keys(cls) -> tuple[str, ...]:
        return tuple(PREFIX + field for field in cls.model_fields)

    @property
    def secret_ids(self) -> dict[str, str]:
        """The OCIDs of the secrets that the services need, by field."""
        return {
            field: getattr(self, field)
            for field in type(self).model_fields
            if field.endswith("_secret") and field != ADMIN_SECRET
        }

    def environments(self, given: Given) -> dict[str, dict[str, str]]:
        """The variables of each service, by the service's name."""
        raise NotImplementedError

    @classmethod
    def _sentence(cls, problem: Any) -> str:
        key = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            return (
                f"{key} is unknown: one of {', '.join(cls.known_keys())} is expected. "
                "Remedy: correct the key in the instance's metadata, or leave it out."
            )
        remedy = cls.model_fields[key.removeprefix(PREFIX)].description
        if problem["type"] == "missing":
            return f"{key} is not set: a value is expected in the instance's metadata. Remedy: {remedy}."
        # Whoever gives a secret's value instead of its OCID must not find it in the journal.
        hidden = key.endswith("_secret")
        given = "has an unusable value (not shown)" if hidden else f"is {problem['input']!r}"
        return f"{key} {given}: {problem['msg'].removeprefix('Value error, ')}. Remedy: {remedy}."


class DatabaseContract(Contract):
    """The base of the contract of a role that has databases in MySQL, and a user of its own there."""

    databases: ClassVar[tuple[str, ...]]
    privileges: ClassVar[tuple[str, ...]]
    """What the user may do in the databases."""
    database_variable: ClassVar[str]
    """The variable that holds a database's URI, and so the user's password."""

    database_host: DatabaseHost
    database_admin_secret: SecretId
