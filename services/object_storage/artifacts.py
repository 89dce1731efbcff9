"""MLflow's artifacts in Object Storage: the plugin behind `oci://bucket@namespace/prefix`.

MLflow finds it by the entry point in `plugin/`, wherever that folder is on the path.
"""

import asyncio
import posixpath
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, TypeVar

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, TEMPORARILY_UNAVAILABLE
from mlflow.store.artifact.artifact_repo import ArtifactRepository, StreamUploadMixin, verify_artifact_path
from oci.exceptions import ServiceError

from services.object_storage.bucket import Bucket
from services.object_storage.failures import AWAY, reason
from services.object_storage.location import Location

_CHUNK = 1 << 20
_Item = TypeVar("_Item")


class ObjectStorageArtifactRepository(ArtifactRepository, StreamUploadMixin):
    """Artifacts below a prefix of a bucket.

    What is uploaded through the tracking server streams to the bucket and is never on its disk.
    """

    def __init__(
        self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> None:
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        self._location = Location.parse(artifact_uri)
        self._bucket = Bucket(self._location)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        verify_artifact_path(artifact_path)  # type: ignore[no-untyped-call]
        path = posixpath.join(artifact_path or "", Path(local_file).name)
        with _translated(path):
            self._bucket.upload(self._location.key(path), Path(local_file))

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        verify_artifact_path(artifact_path)  # type: ignore[no-untyped-call]
        root = Path(local_dir)

        def upload(file: Path) -> None:
            path = posixpath.join(artifact_path or "", file.relative_to(root).as_posix())
            self._bucket.upload(self._location.key(path), file)

        with _translated(artifact_path or ""):
            self._for_each(upload, (file for file in sorted(root.rglob("*")) if file.is_file()))

    def log_artifact_from_stream(
        self, stream: BinaryIO, artifact_file_name: str, artifact_path: str | None = None
    ) -> None:
        path = self._streamed_to(artifact_file_name, artifact_path)
        with _translated(path), self._bucket.writer(self._location.key(path)) as writer:
            while chunk := stream.read(_CHUNK):
                writer.add(chunk)

    async def log_artifact_from_async_stream(
        self, chunks: AsyncIterable[bytes], artifact_file_name: str, artifact_path: str | None = None
    ) -> None:
        path = self._streamed_to(artifact_file_name, artifact_path)
        writer = self._bucket.writer(self._location.key(path))
        with _translated(path):
            try:
                async for chunk in chunks:
                    await asyncio.to_thread(writer.add, chunk)
            except BaseException:
                # A client that hung up has cancelled this task; what it began is cleared away nevertheless.
                await asyncio.shield(asyncio.to_thread(writer.abort))
                raise
            await asyncio.to_thread(writer.commit)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        folder = self._location.folder(path)
        with _translated(path or ""):
            objects, folders = self._bucket.folder(folder)
        # The console marks a folder with an empty object of its name.
        files = [
            FileInfo(self._relative(each.name), False, each.size) for each in objects if each.name != folder
        ]
        return sorted(
            [*files, *(FileInfo(self._relative(name), True, None) for name in folders)],
            key=lambda info: info.path,
        )

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        try:
            downloaded: str = super().download_artifacts(artifact_path, dst_path)  # type: ignore[no-untyped-call]
        except MlflowException:
            # The base class calls every failure an internal error.
            with _translated(artifact_path):
                missing = self._bucket.find(self._location.key(artifact_path)) is None
            if missing and not self.list_artifacts(artifact_path):
                raise _missing(artifact_path) from None
            raise
        return downloaded

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        with _translated(remote_file_path):
            entry = self._bucket.find(self._location.key(remote_file_path))
            if entry is None:
                raise _missing(remote_file_path)
            self._bucket.download(entry, Path(local_path))

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        with _translated(artifact_path or ""):
            below = (each.name for each in self._bucket.entries(self._location.folder(artifact_path)))
            self._for_each(self._bucket.delete, below)
            if artifact_path:
                self._bucket.delete(self._location.key(artifact_path))

    def _relative(self, name: str) -> str:
        return name.removeprefix(self._location.folder()).rstrip("/")

    def _streamed_to(self, file_name: str, artifact_path: str | None) -> str:
        verify_artifact_path(artifact_path)  # type: ignore[no-untyped-call]
        return posixpath.join(artifact_path or "", posixpath.basename(file_name))

    def _for_each(self, act: Callable[[_Item], None], items: Iterable[_Item]) -> None:
        list(self.thread_pool.map(act, items))


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """MLflow's server turns its own exceptions into answers, and any other into a stack trace."""
    try:
        yield
    except AWAY as error:
        missing = isinstance(error, ServiceError) and error.status == HTTPStatus.NOT_FOUND
        kind = RESOURCE_DOES_NOT_EXIST if missing else TEMPORARILY_UNAVAILABLE
        raise MlflowException(f"Object Storage fails for {path!r}: {reason(error)}", kind) from error


def _missing(path: str) -> MlflowException:
    return MlflowException(f"There is no artifact {path!r}.", RESOURCE_DOES_NOT_EXIST)
