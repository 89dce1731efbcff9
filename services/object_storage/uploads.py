"""Uploads in parts: of a file, or of a stream whose length is not known."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Self

from oci.object_storage import ObjectStorageClient
from oci.object_storage.models import (
    CommitMultipartUploadDetails,
    CommitMultipartUploadPartDetails,
    CreateMultipartUploadDetails,
)

PART = 16 << 20
"""Bytes of a part. Each part under way is in memory once."""

_PARALLEL = 3
_MAXIMUM_PARTS = 10_000


class Multipart:
    """A multipart upload: leave the `with` block to commit it; by an exception, and nothing of it remains."""

    def __init__(self, client: ObjectStorageClient, at: tuple[str, str], name: str) -> None:
        self._client = client
        details = CreateMultipartUploadDetails(object=name)
        self._at = (*at, name, client.create_multipart_upload(*at, details).data.upload_id)
        self._etags: dict[int, str] = {}

    def send(self, number: int, part: bytes) -> None:
        """Store a part; their numbers count from 1. May be called from several threads."""
        self._etags[number] = self._client.upload_part(*self._at, number, part).headers["etag"]

    def commit(self) -> None:
        """Make the object appear, or abort."""
        parts = [
            CommitMultipartUploadPartDetails(part_num=number, etag=etag)
            for number, etag in sorted(self._etags.items())
        ]
        details = CommitMultipartUploadDetails(parts_to_commit=parts)
        try:
            self._client.commit_multipart_upload(*self._at, details)
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Remove the parts, which would be kept and charged for."""
        self._client.abort_multipart_upload(*self._at)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.commit() if kind is None else self.abort()


def upload_file(client: ObjectStorageClient, at: tuple[str, str], name: str, file: Path) -> None:
    """Store a file, its parts in parallel."""
    size = file.stat().st_size
    if size <= PART:
        client.put_object(*at, name, file.read_bytes())
        return
    part = max(PART, -(-size // _MAXIMUM_PARTS))
    with (
        file.open("rb") as stream,
        Multipart(client, at, name) as upload,
        ThreadPoolExecutor(_PARALLEL) as pool,
    ):

        def send(start: int) -> None:
            upload.send(start // part + 1, os.pread(stream.fileno(), part, start))

        list(pool.map(send, range(0, size, part)))


class Writer:
    """An object being written: `add` bytes, then leave the `with` block to make it appear.

    Left by an exception, nothing of it remains. Only one part is held in memory.
    """

    def __init__(self, client: ObjectStorageClient, at: tuple[str, str], name: str) -> None:
        self._client = client
        self._at = at
        self._name = name
        self._waiting = bytearray()
        self._sent = 0
        self._upload: Multipart | None = None
        # The thread that adds may still be at it when another one gives up.
        self._lock = Lock()

    def add(self, data: bytes) -> None:
        """Take bytes; a part is sent whenever one is full."""
        with self._lock:
            self._waiting += data
            while len(self._waiting) > PART:
                self._send(bytes(self._waiting[:PART]))
                del self._waiting[:PART]

    def commit(self) -> None:
        """Make the object appear."""
        with self._lock:
            if self._upload is None:
                self._client.put_object(*self._at, self._name, bytes(self._waiting))
                return
            with self._upload:
                self._send(bytes(self._waiting))

    def abort(self) -> None:
        """Forget all of it."""
        with self._lock:
            if self._upload is not None:
                self._upload.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.commit() if kind is None else self.abort()

    def _send(self, part: bytes) -> None:
        if self._upload is None:
            self._upload = Multipart(self._client, self._at, self._name)
        self._sent += 1
        self._upload.send(self._sent, part)
