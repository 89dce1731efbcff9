"""Settings: values validated once, when a service starts, from its environment.

The environment comes from an environment file on images (written at first boot) and from
the supervisor on one machine; a service never knows which.
"""

import sys
from typing import NoReturn, Self

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

EX_CONFIG = 78
"""Exit status of a service with unusable settings (sysexits.h)."""


class Settings(BaseSettings):
    """Base of every service's settings: one field a variable, its description is the remedy.

    A field's alias is the variable's whole name; unknown variables are ignored, because the
    environment holds other programs' as well.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, case_sensitive=True
    )

    @classmethod
    def load(cls) -> Self:
        """Read and validate the environment; on bad values say so on stderr and exit with EX_CONFIG."""
        try:
            return cls()
        except ValidationError as error:
            exit_with(*sentences(cls, error))


def sentences(settings: type[Settings], error: ValidationError) -> list[str]:
    """One sentence a bad value: key, value (never a secret's), expected, remedy."""
    by_key = {field.alias or name: field for name, field in settings.model_fields.items()}
    found = []
    for problem in error.errors(include_url=False):
        key = str(problem["loc"][0]) if problem["loc"] else "settings"
        field = by_key.get(key)
        given = "is not set" if problem["type"] == "missing" else _given(field, problem["input"])
        remedy = field.description if field and field.description else "see docs/settings.md"
        found.append(f"{key} {given}: {problem['msg']}. Remedy: {remedy}.")
    return found


def exit_with(*lines: str) -> NoReturn:
    """Print the lines on stderr and exit with EX_CONFIG."""
    print(*lines, sep="\n", file=sys.stderr)
    sys.exit(EX_CONFIG)


def _given(field: FieldInfo | None, value: object) -> str:
    if field is None or "SecretStr" in str(field.annotation):
        return "has an unusable value (not shown)"
    return f"is {value!r}"


__all__ = ["EX_CONFIG", "SecretStr", "Settings", "exit_with", "sentences"]
