"""Listing a bucket as OCI does: by prefix, folder by folder, page by page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.region.errors import invalid
from tests.region.objects import Version

_MAXIMUM = 1000


@dataclass(frozen=True)
class Page:
    """Names and prefixes of one page; `following` is the name that the next page starts with."""

    names: list[str]
    prefixes: list[str]
    following: str | None


def listed(names: Sequence[str], query: Mapping[str, str]) -> Page:
    """One page of sorted names, by the query of ListObjects.

    Raises:
        ServiceError: 400 for a limit or a delimiter that OCI does not take.
    """
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
    if delimiter not in (None, "/"):
        raise invalid(f"The delimiter {delimiter!r} is not supported, only '/' is.")
    size = limit(query)
    page = Page([], [], None)
    for name in names:
        if not (name.startswith(prefix) and _within(name, query)):
            continue
        folder, cut, _ = name.removeprefix(prefix).partition("/")
        group = f"{prefix}{folder}/" if delimiter and cut else None
        if group and page.prefixes and page.prefixes[-1] == group:
            continue
        if len(page.names) + len(page.prefixes) == size:
            return Page(page.names, page.prefixes, name)
        (page.prefixes if group else page.names).append(group or name)
    return page


def limit(query: Mapping[str, str]) -> int:
    """Raises: ServiceError: 400 unless it is a number from 1 to 1000 (the default)."""
    given = query.get("limit", str(_MAXIMUM))
    if not given.isdecimal() or not 1 <= int(given) <= _MAXIMUM:
        raise invalid(f"The limit {given!r} is not a number from 1 to {_MAXIMUM}.")
    return int(given)


def paged(items: Sequence[Any], query: Mapping[str, str]) -> tuple[Sequence[Any], dict[str, str]]:
    """One page of items and the header that names the next, as every list but ListObjects does it."""
    token = query.get("page") or "0"  # Packer's plugin asks for its first page by an empty name
    if not token.isdecimal():
        raise invalid(f"The page {token!r} is not one that was handed out.")
    stop = int(token) + limit(query)
    return items[int(token) : stop], {"opc-next-page": str(stop)} if stop < len(items) else {}


def summaries(versions: Iterable[Version], fields: str) -> list[dict[str, object]]:
    """Objects as a list shows them, with the fields that were asked for.

    Raises:
        ServiceError: 400 for a field that is not one.
    """
    asked = {"name", *(field.strip() for field in fields.split(",") if field.strip())}
    if unknown := asked - _FIELDS.keys():
        raise invalid(f"Not fields of an object: {', '.join(sorted(unknown))}.")
    return [{name: read(each) for name, read in _FIELDS.items() if name in asked} for each in versions]


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_FIELDS: Mapping[str, Callable[[Version], object]] = {
    "name": lambda version: version.name,
    "size": lambda version: version.content.size if version.content else None,
    "md5": lambda version: version.content.digest if version.content else None,
    "etag": lambda version: version.etag,
    "timeCreated": lambda version: stamp(version.created),
    "timeModified": lambda version: stamp(version.modified),
    "storageTier": lambda _: "Standard",
    "archivalState": lambda _: None,
}


def _within(name: str, query: Mapping[str, str]) -> bool:
    key = name.encode()
    return (
        key >= query.get("start", "").encode()
        and ("startAfter" not in query or key > query["startAfter"].encode())
        and ("end" not in query or key < query["end"].encode())
    )
