"""What whoever logged a model said of it in `log_model(metadata=…)`: class names, and inputs' ranges."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Metadata:
    """Class names for the labels 0, 1, …, and for every input its `minimum`, `maximum` and `unit`.

    What is absent or of another shape counts as unsaid: a model is not refused for its metadata.
    """

    classes: list[str] | None = None
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, metadata: object) -> "Metadata":
        given = metadata if isinstance(metadata, dict) else {}
        classes, inputs = given.get("classes"), given.get("inputs")
        named = isinstance(classes, list) and classes and all(isinstance(name, str) for name in classes)
        return cls(
            classes if named else None,
            {name: said for name, said in inputs.items() if isinstance(said, dict)}
            if isinstance(inputs, dict)
            else {},
        )

    def minimum(self, name: str) -> float | None:
        return self._number(name, "minimum")

    def maximum(self, name: str) -> float | None:
        return self._number(name, "maximum")

    def unit(self, name: str) -> str | None:
        said = self.inputs.get(name, {}).get("unit")
        return said if isinstance(said, str) else None

    def class_name(self, label: Any) -> Any:
        """The name of a label, or the label itself where it has none."""
        names = self.classes or ()
        return names[label] if type(label) is int and 0 <= label < len(names) else label

    def _number(self, name: str, key: str) -> float | None:
        said = self.inputs.get(name, {}).get(key)
        return said if isinstance(said, int | float) and not isinstance(said, bool) else None
