"""What Object Storage keeps: buckets, the versions of their objects, uploads in parts; contents are files."""

import base64
import hashlib
import re
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.region.errors import ServiceError, invalid

_BUCKET_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Content:
    """Bytes that lie in a file; `parts` is how many were put together, None for a single put."""

    file: Path
    size: int
    md5: bytes
    parts: int | None = None

    @property
    def digest(self) -> str:
        """Base64 of the MD5, with the number of parts behind it as OCI writes it."""
        text = base64.b64encode(self.md5).decode()
        return text if self.parts is None else f"{text}-{self.parts}"

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes [start, stop), a megabyte at a time."""
        with self.file.open("rb") as stream:
            stream.seek(start)
            while start < stop and (chunk := stream.read(min(_CHUNK, stop - start))):
                start += len(chunk)
                yield chunk


@dataclass(frozen=True)
class Version:
    """One version of an object; without content it is a delete marker."""

    name: str
    content: Content | None
    headers: Mapping[str, str]
    created: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    etag: str = field(default_factory=lambda: str(uuid.uuid4()))
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Upload:
    """A multipart upload under way: its parts by number."""

    name: str
    headers: Mapping[str, str]
    parts: dict[int, tuple[str, Content]] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Bucket:
    """A bucket; `details` holds the settings that are merely kept and shown."""

    name: str
    compartment: str
    created_by: str
    versioning: str = "Disabled"
    details: dict[str, Any] = field(default_factory=dict)
    lifecycle: dict[str, Any] | None = None
    objects: dict[str, list[Version]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    etag: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def current(self, name: str) -> Version | None:
        """The newest version, unless that is a delete marker."""
        versions = self.objects.get(name)
        return versions[-1] if versions and versions[-1].content else None

    def names(self) -> list[str]:
        """The names of the current objects, in the order of their UTF-8 bytes."""
        return sorted((name for name in self.objects if self.current(name)), key=str.encode)

    def put(self, name: str, content: Content, headers: Mapping[str, str]) -> Version:
        """Make this content the object's newest version; the one before is kept under versioning only."""
        before = self.current(name)
        version = Version(name, content, headers, before.created if before else datetime.now(UTC))
        kept = self.objects.setdefault(name, [])
        if self.versioning != "Enabled" and kept:
            _discard(kept.pop())
        kept.append(version)
        return version

    def delete(self, name: str, version_id: str | None) -> Version:
        """Delete one version for good, or the object: under versioning that adds a delete marker.

        Raises:
            ServiceError: 404 when there is no such object or version.
        """
        kept = self.objects.get(name, [])
        if version_id:
            found = [version for version in kept if version.id == version_id]
        else:
            found = [version for version in [self.current(name)] if version]
        if not found:
            raise object_not_found(name)
        if self.versioning == "Enabled" and not version_id:
            marker = Version(name, None, {}, datetime.now(UTC))
            kept.append(marker)
            return marker
        kept.remove(found[0])
        _discard(found[0])
        if not kept:
            del self.objects[name]
        return found[0]


class Store:
    """The buckets of one namespace below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True)
        self.buckets: dict[str, Bucket] = {}

    def create(self, name: str, compartment: str, created_by: str) -> Bucket:
        """Raises: ServiceError: 400 for a name that is not allowed, 409 for one that is taken."""
        if not _BUCKET_NAME.fullmatch(name):
            raise invalid(f"The bucket name {name!r} is not valid.", "InvalidBucketName")
        if name in self.buckets:
            message = f"Either the bucket '{name}' in the namespace already exists or you are not authorized."
            raise ServiceError(409, "BucketAlreadyExists", message)
        bucket = self.buckets[name] = Bucket(name, compartment, created_by)
        return bucket

    def remove(self, bucket: Bucket) -> None:
        """Raises: ServiceError: 409 while it holds objects, old versions or unfinished uploads."""
        if bucket.objects or bucket.uploads:
            message = (
                f"Bucket named '{bucket.name}' is not empty. Delete all object versions and uploads first."
            )
            raise ServiceError(409, "BucketNotEmpty", message)
        del self.buckets[bucket.name]

    async def receive(self, stream: AsyncIterator[bytes], expected_md5: str | None) -> Content:
        """Write a request's body to a file as it comes.

        Raises:
            ServiceError: 400 when its MD5 (base64) is not the expected one.
        """
        file = self._folder / uuid.uuid4().hex
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        try:
            with file.open("wb") as target:
                async for chunk in stream:
                    target.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
            content = Content(file, size, digest.digest())
            _check_md5(content, expected_md5)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        return content

    def join(self, parts: list[Content]) -> Content:
        """Put parts together; the MD5 is that of their MD5s."""
        file = self._folder / uuid.uuid4().hex
        digests = hashlib.md5(b"".join(part.md5 for part in parts), usedforsecurity=False)
        with file.open("wb") as target:
            for part in parts:
                with part.file.open("rb") as source:
                    shutil.copyfileobj(source, target, _CHUNK)
        return Content(file, sum(part.size for part in parts), digests.digest(), len(parts))


def drop(upload: Upload) -> None:
    """Delete the files of an upload's parts."""
    for _, content in upload.parts.values():
        content.file.unlink()


def _check_md5(content: Content, expected: str | None) -> None:
    if expected and expected != content.digest:
        message = f"The computed MD5 of the request body ({content.digest}) does not match the \
Content-MD5 header ({expected})"
        raise ServiceError(400, "UnmatchedContentMD5", message)


def object_not_found(name: str) -> ServiceError:
    return ServiceError(404, "ObjectNotFound", f"The object '{name}' was not found in the bucket.")


def _discard(version: Version) -> None:
    if version.content:
        version.content.file.unlink()
