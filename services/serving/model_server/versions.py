"""Model versions, and what a reference to one means at a moment."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    """One immutable model version.

    A deleted model's name and number can be given again, so that `source` is part of what it is.
    """

    name: str
    number: str
    source: str

    def __str__(self) -> str:
        return f"model '{self.name}' version {self.number}"
