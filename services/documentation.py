"""docs/settings.md, written from the settings themselves: `make docs`."""

from importlib import import_module

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from services.roles import ROLES
from services.settings import Settings

HEADING = """\
# Settings

Written by `make docs` from the code; every value is an environment variable. On one machine `make up` sets
them all, and only the ports are yours to choose: `make up MLFLOW_PORT=15000`. A value that cannot be used
stops its service with one sentence and exit status 78.
"""


def page() -> str:
    """The whole document: a table for each settings module of each role, in the order of the roles."""
    modules = dict.fromkeys(f"{service.module}.settings" for role in ROLES for service in role.services)
    return "\n".join([HEADING, *(_part(module) for module in modules)])


def _part(module: str) -> str:
    lines = [f"## `python -m {module.removesuffix('.settings')}`", ""]
    lines += ["| variable | default | what to give |", "|---|---|---|"]
    for settings in _settings(module):
        for name, field in settings.model_fields.items():
            remedy = (field.description or "").replace("|", "\\|")
            lines.append(f"| `{field.alias or name}` | {_default(field)} | {remedy} |")
    return "\n".join([*lines, ""])


def _settings(module: str) -> list[type[Settings]]:
    found = vars(import_module(module)).values()
    return [
        each
        for each in found
        if isinstance(each, type) and issubclass(each, Settings) and each is not Settings
    ]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr) or value in (None, "", (), {}):
        return ""
    return f"`{value}`"


if __name__ == "__main__":
    print(page(), end="")
