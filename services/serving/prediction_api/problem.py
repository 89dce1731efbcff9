"""What can go wrong with a request: one sentence for people, one code for programs."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Problem(Exception):
    """An answer that is not a prediction.

    `fields` says what is wrong with single columns, by name; `retry_after` is in seconds.
    """

    status: int
    code: str
    sentence: str
    fields: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None

    def __str__(self) -> str:
        return self.sentence

    @property
    def body(self) -> dict[str, object]:
        """The answer's JSON: `error`, `code`, and `fields` when there are some."""
        body: dict[str, object] = {"error": self.sentence, "code": self.code}
        return body | {"fields": dict(self.fields)} if self.fields else body

    @property
    def headers(self) -> dict[str, str]:
        """The answer's own headers."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
