"""Where something is in Object Storage: `oci://bucket@namespace/prefix`."""

import re
from dataclasses import dataclass
from typing import Self

_URI = re.compile(r"oci://(?P<bucket>[\w.-]+)@(?P<namespace>[\w-]+)(?:/(?P<prefix>.*))?", re.DOTALL)


@dataclass(frozen=True)
class Location:
    """A prefix in a bucket. Names are taken as they are, never percent-decoded."""

    bucket: str
    namespace: str
    prefix: str = ""

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Raises: ValueError: for anything but `oci://bucket@namespace[/prefix]`."""
        match = _URI.fullmatch(uri)
        if match is None:
            raise ValueError(f"{uri!r} is no place in Object Storage: expected oci://bucket@namespace/prefix")
        return cls(match["bucket"], match["namespace"], (match["prefix"] or "").strip("/"))

    def key(self, path: str | None = None) -> str:
        """The name of the object at a path below the prefix; of the prefix itself without a path."""
        return "/".join(part for part in (self.prefix, (path or "").strip("/")) if part)

    def folder(self, path: str | None = None) -> str:
        """What the names of all objects below a path begin with."""
        key = self.key(path)
        return f"{key}/" if key else ""

    def __str__(self) -> str:
        return f"oci://{self.bucket}@{self.namespace}/{self.prefix}"
