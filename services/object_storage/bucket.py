"""A bucket, as the roles use it: files up and down in bounded memory, lists, deletions.

Memory does not grow with the size of a file: what is downloaded goes to disk as it comes, and of what is
uploaded only the parts under way are held.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path

import urllib3.exceptions
from oci.exceptions import ServiceError
from oci.object_storage import ObjectStorageClient

from services.object_storage.client import client
from services.object_storage.location import Location
from services.object_storage.uploads import Writer, upload_file

_PART = 32 << 20
_CHUNK = 1 << 20
_PARALLEL = 4
_BROKEN_CONNECTIONS = 5


@dataclass(frozen=True)
class Entry:
    """An object: its name, size in bytes, etag (new with every write) and MD5 (of its content)."""

    name: str
    size: int
    etag: str
    md5: str


class Bucket:
    """The objects of one bucket, by their full names; `patient` as in `client`."""

    def __init__(self, location: Location, *, patient: bool = True) -> None:
        self._at = (location.namespace, location.bucket)
        self._patient = patient

    @property
    def _client(self) -> ObjectStorageClient:
        return client(patient=self._patient)

    def upload(self, name: str, file: Path) -> None:
        """Store a file."""
        upload_file(self._client, self._at, name, file)

    def write(self, name: str, data: bytes) -> None:
        """Store a few bytes."""
        self._client.put_object(*self._at, name, data)

    def writer(self, name: str) -> Writer:
        """Store a stream of unknown length."""
        return Writer(self._client, self._at, name)

    def find(self, name: str) -> Entry | None:
        """The object of this name, or None."""
        try:
            headers = self._client.head_object(*self._at, name).headers
        except ServiceError as error:
            # HEAD has no body, hence no code: this is also what a missing right looks like.
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        md5 = headers.get("content-md5") or headers["opc-multipart-md5"]
        return Entry(name, int(headers["content-length"]), headers["etag"], md5)

    def read(self, name: str) -> bytes:
        """All bytes of a small object. Raises: ServiceError: 404 when there is none."""
        data: bytes = self._client.get_object(*self._at, name).data.content
        return data

    def download(self, entry: Entry, file: Path) -> None:
        """Fetch an object into a file, parts of it in parallel.

        The file appears only once it is whole.

        Raises:
            ServiceError: 404 when it is gone, 412 when it is no longer the one of the entry.
        """
        partial_file = file.with_name(f".{file.name[:200]}.{os.getpid()}.part")
        descriptor = os.open(partial_file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o666)
        try:
            starts = range(0, entry.size, _PART)
            fetch = partial(self._fetch, entry, descriptor)
            if len(starts) > 1:
                with ThreadPoolExecutor(min(_PARALLEL, len(starts))) as pool:
                    list(pool.map(fetch, starts))
            else:
                list(map(fetch, starts))
            partial_file.replace(file)
        finally:
            os.close(descriptor)
            partial_file.unlink(missing_ok=True)

    def stream(self, name: str) -> Iterator[bytes]:
        """The bytes of an object as they come. Raises: ServiceError: 404 when there is none."""
        response = self._client.get_object(*self._at, name).data
        try:
            yield from response.raw.stream(_CHUNK, decode_content=False)
        finally:
            response.close()

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Every object whose name begins with the prefix, in the order of names."""
        for entries, _ in self._pages(prefix, None):
            yield from entries

    def folder(self, prefix: str) -> tuple[list[Entry], list[str]]:
        """The objects and the folders (ending in `/`) directly below a prefix."""
        objects: list[Entry] = []
        folders: list[str] = []
        for entries, names in self._pages(prefix, "/"):
            objects += entries
            folders += names
        return objects, folders

    def delete(self, name: str) -> None:
        """Delete an object; one that is not there is fine."""
        try:
            self._client.delete_object(*self._at, name)
        except ServiceError as error:
            if error.code != "ObjectNotFound":
                raise

    def _pages(self, prefix: str, delimiter: str | None) -> Iterator[tuple[list[Entry], list[str]]]:
        start: str | None = None
        while True:
            options = {"start": start, "delimiter": delimiter}
            given = {name: value for name, value in options.items() if value is not None}
            page = self._client.list_objects(
                *self._at, prefix=prefix, fields="name,size,etag,md5", **given
            ).data
            entries = [Entry(each.name, each.size, each.etag, each.md5) for each in page.objects]
            yield entries, page.prefixes or []
            start = page.next_start_with
            if start is None:
                return

    def _fetch(self, entry: Entry, descriptor: int, start: int) -> None:
        """Write one part where it belongs; a connection that breaks is taken up where it broke."""
        position, stop, broken = start, min(start + _PART, entry.size), 0
        while position < stop:
            response = self._client.get_object(
                *self._at, entry.name, range=f"bytes={position}-{stop - 1}", if_match=entry.etag
            )
            try:
                # Not iter_content: an object stored with a content encoding must stay as it is.
                for chunk in response.data.raw.stream(_CHUNK, decode_content=False):
                    position += os.pwrite(descriptor, chunk, position)
            except (urllib3.exceptions.HTTPError, OSError):
                broken += 1
                if broken == _BROKEN_CONNECTIONS:
                    raise
            finally:
                response.data.close()
