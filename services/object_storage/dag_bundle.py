"""Airflow's DAGs from a bucket: a versioned DAG bundle.

Below the bundle's folder, `files/` holds every content once, under its hash; `versions/<version>/` is a
tree of hard links into it; `current` points to the newest version. A version is named after what it
holds, so the same objects give the same version on every machine and after every restart.
"""

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import structlog
from airflow.configuration import conf
from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion, get_bundle_tracking_file

from services.object_storage.bucket import Bucket, Entry
from services.object_storage.failures import AWAY, reason
from services.object_storage.location import Location

log = structlog.get_logger(__name__)

_PARALLEL = 8


class VersionGoneError(RuntimeError):
    """A run needs a version that this machine does not have and the bucket no longer holds."""


class BucketDagBundle(BaseDagBundle):
    """The objects below `uri`, such as `oci://bucket@namespace/dags`.

    A refresh is one listing; it downloads what is new and drops what was deleted, and the swap to the
    new version is atomic. While the bucket is away, the last version stays.
    """

    supports_versioning = True

    def __init__(self, *, uri: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._location = Location.parse(uri)
        # The next refresh is the retry.
        self._bucket = Bucket(self._location, patient=False)
        self._files = self.base_dir / "files"
        self._current = self.base_dir / "current"

    def initialize(self) -> None:
        """Make `path` exist.

        Raises:
            VersionGoneError: when this bundle is for a version that can no longer be had.
        """
        if self.version:
            self._need(self.version)
        elif not self._current.exists():
            with self.lock():
                self._adopt(self._listed())
        super().initialize()

    @property
    def path(self) -> Path:
        return self.versions_dir / self.version if self.version else self._current

    def get_current_version(self) -> BundleVersion | None:
        version = self.version or self._adopted()
        return BundleVersion(version) if version else None

    def refresh(self) -> None:
        """Adopt what the bucket holds now. Failing that, say so and keep what there is."""
        if self.version:
            raise ValueError(
                f"Version {self.version} of the bundle {self.name} is fixed, it cannot be refreshed"
            )
        with self.lock():
            try:
                self._adopt(self._listed())
            except AWAY as error:
                adopted = self._adopted()
                if adopted is None:
                    raise
                log.warning(
                    "DAGs stay as they are, the bucket cannot be read",
                    bundle=self.name,
                    location=str(self._location),
                    version=adopted,
                    reason=reason(error),
                )

    def _adopted(self) -> str | None:
        return self._current.readlink().name if self._current.exists() else None

    def _need(self, version: str) -> None:
        folder = self.versions_dir / version
        if not folder.exists():
            with self.lock():
                entries = self._listed()
                if _version(entries) != version:
                    raise VersionGoneError(
                        f"Version {version} of the DAGs is not on this machine, and {self._location} has "
                        "moved on. Start the run again: it then takes the DAGs of today."
                    )
                self._build(version, entries)
        # Marks it as used, so that it is not pruned soon.
        os.utime(folder)

    def _listed(self) -> Mapping[str, Entry]:
        """The bucket's files by their path in the bundle, from one listing."""
        folder = self._location.folder()
        entries: dict[str, Entry] = {}
        for entry in self._bucket.entries(folder):
            path = entry.name.removeprefix(folder)
            if path.endswith("/"):
                continue
            if (
                not path
                or str(PurePosixPath(path)) != path
                or ".." in PurePosixPath(path).parts
                or path[0] == "/"
            ):
                log.warning(
                    "This object's name cannot be a file's, it is left out", bundle=self.name, name=entry.name
                )
                continue
            entries[path] = entry
        return entries

    def _adopt(self, entries: Mapping[str, Entry]) -> None:
        version, before = _version(entries), self._adopted()
        if version == before:
            return
        self._build(version, entries)
        if before:
            # Its time to be pruned counts from now on, when it stops being the newest.
            os.utime(self.versions_dir / before)
        new = self.base_dir / f".current-{uuid.uuid4().hex}"
        new.symlink_to(Path("versions") / version)
        new.replace(self._current)
        log.info("DAGs have changed", bundle=self.name, version=version, before=before, files=len(entries))
        self._prune(version)

    def _build(self, version: str, entries: Mapping[str, Entry]) -> None:
        """Make the version's tree; it appears whole or not at all."""
        folder = self.versions_dir / version
        if folder.exists():
            return
        self._files.mkdir(parents=True, exist_ok=True)
        missing = {_digest(entry): entry for entry in entries.values() if not self._file(entry).exists()}
        with ThreadPoolExecutor(_PARALLEL) as pool:
            list(pool.map(self._fetch, missing.values()))
        tree = self.base_dir / f".tree-{uuid.uuid4().hex}"
        try:
            tree.mkdir()
            for path, entry in entries.items():
                target = tree / path
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(self._file(entry), target)
            self.versions_dir.mkdir(exist_ok=True)
            tree.rename(folder)
        finally:
            shutil.rmtree(tree, ignore_errors=True)

    def _file(self, entry: Entry) -> Path:
        return self._files / _digest(entry)

    def _fetch(self, entry: Entry) -> None:
        file = self._file(entry)
        self._bucket.download(entry, file)
        # Every version that holds this content shares the file.
        file.chmod(0o444)

    def _prune(self, current: str) -> None:
        """Drop versions that nothing can still need, by the limits Airflow has for it, then their files.

        Versions that tasks ran on are tracked and pruned by Airflow itself.
        """
        for left_over in (*self.base_dir.glob(".tree-*"), *self.base_dir.glob(".gone-*")):
            shutil.rmtree(left_over)
        kept = conf.getint("dag_processor", "stale_bundle_cleanup_min_versions")
        oldest = time.time() - conf.getint("dag_processor", "stale_bundle_cleanup_age_threshold")
        versions = sorted(
            self.versions_dir.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True
        )
        for folder in versions[kept:]:
            tracked = get_bundle_tracking_file(self.name, folder.name).exists()
            if folder.name != current and not tracked and folder.stat().st_mtime < oldest:
                gone = folder.rename(self.base_dir / f".gone-{uuid.uuid4().hex}")
                shutil.rmtree(gone)
        for file in self._files.iterdir():
            if file.stat().st_nlink == 1:
                file.unlink()


def _digest(entry: Entry) -> str:
    return hashlib.sha256(f"{entry.size}:{entry.md5}".encode()).hexdigest()


def _version(entries: Mapping[str, Entry]) -> str:
    lines = sorted(f"{path}\0{_digest(entry)}\n" for path, entry in entries.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
