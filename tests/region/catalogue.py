"""OCI's own description of its operations, read from the SDK's sources: none of it is typed again here.

It gives every operation a service has, so that one which is not implemented can be named, and the
fields a request must have, so that a request is refused here for what OCI would refuse it for.
"""

import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

from tests.region.errors import invalid

_METHOD = re.compile(r"^    def (?P<name>[a-z]\w*)\(self.*?(?=^    def |\Z)", re.DOTALL | re.MULTILINE)
_CONTAINER = re.compile(r"list\[(?P<item>.+)\]|dict\(str, (?P<value>.+)\)")
_PRIMITIVES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "datetime": (str,),
    "date": (str,),
}


@dataclass(frozen=True)
class Operation:
    """One operation as its API reference has it: `id` is the name there, such as PutObject."""

    id: str
    method: str
    path: re.Pattern[str]
    required: tuple[str, ...]
    details: type | None
    bodiless: bool
    """Whether a request may come without the details."""


@dataclass(frozen=True)
class Api:
    """One SDK client: its name, the host it calls (a template of region and domain) and its operations."""

    name: str
    host: str
    operations: tuple[Operation, ...]


def api(client: type) -> Api:
    """What the SDK says of the service that this client calls."""
    module = sys.modules[client.__module__]
    models = sys.modules[client.__module__.rsplit(".", 1)[0] + ".models"]
    source = inspect.getsource(module)
    template = _assigned(source, "'service_endpoint_template': '", "'")
    base = _assigned(source, "'base_path': '", "'").rstrip("/")
    operations = (
        _operation(match["name"], match[0], base, models)
        for match in _METHOD.finditer(source)
        if 'resource_path = "' in match[0]
    )
    host = re.sub(r"\{dualStack\?[^}]*\}", "", template).removeprefix("https://")
    return Api(client.__name__.removesuffix("Client"), host, tuple(operations))


def _operation(name: str, source: str, base: str, models: ModuleType) -> Operation:
    reference = re.search(r'api_reference_link = ".*/(\w+)"', source)
    details = re.search(r":param oci\.[\w.]+\.models\.(\w+) \w+: \((\w+)\)", source)
    required = re.search(r"required_arguments = \[(.*?)\]", source)
    path = _assigned(source, 'resource_path = "', '"')
    names = re.findall(r"'(\w+)'", required[1]) if required else []
    return Operation(
        id=reference[1] if reference else "".join(word.title() for word in name.split("_")),
        method=_assigned(source, 'method = "', '"'),
        path=re.compile(base + re.sub(r"\{(\w+)\}", _segment, path)),
        required=tuple(each for each in names if f"{{{each}}}" not in path),
        details=getattr(models, details[1]) if details else None,
        bodiless=details is None or details[2] == "optional",
    )


def _segment(parameter: re.Match[str]) -> str:
    # Some clients leave the slashes of an object's name as they are, others encode them.
    return f"(?P<{parameter[1]}>.+)" if parameter[1] == "objectName" else f"(?P<{parameter[1]}>[^/]+)"


def _assigned(source: str, before: str, after: str) -> str:
    return source.partition(before)[2].partition(after)[0]


def check(value: object, model: type, where: str = "body") -> None:
    """Hold a request's JSON to the SDK's model of it.

    Raises:
        ServiceError: 400 for a missing, unknown, ill-typed or not allowed field.
    """
    if not isinstance(value, dict):
        raise invalid(f"{where} must be an object of {model.__name__}, not {value!r}.", "CannotParseRequest")
    models = sys.modules[model.__module__.rpartition(".")[0]]
    if hasattr(model, "get_subtype"):
        model = getattr(models, model.get_subtype(value))
    instance: Any = model()
    fields = {wire: attribute for attribute, wire in instance.attribute_map.items()}
    if unknown := sorted(value.keys() - fields.keys()):
        raise invalid(f"{where} has no field {', '.join(unknown)}.", "CannotParseRequest")
    for wire, attribute in fields.items():
        given = value.get(wire)
        if given is None:
            if "[Required]" in (getattr(model, attribute).__doc__ or ""):
                raise invalid(f"{where}.{wire} is required.", "MissingParameter")
            continue
        _check_value(given, instance.swagger_types[attribute], models, f"{where}.{wire}")
        try:
            setattr(instance, attribute, given)
        except ValueError as error:
            raise invalid(f"{where}.{wire} is {given!r}: {error}.") from None


def _check_value(value: object, declared: str, models: ModuleType, where: str) -> None:
    if container := _CONTAINER.fullmatch(declared):
        expected = list if container["item"] else dict
        if not isinstance(value, expected):
            raise invalid(f"{where} must be a {expected.__name__}, not {value!r}.")
        items = enumerate(value) if isinstance(value, list) else value.items()
        for key, item in items:
            _check_value(item, container["item"] or container["value"], models, f"{where}[{key!r}]")
    elif expected_types := _PRIMITIVES.get(declared):
        if not isinstance(value, expected_types) or (isinstance(value, bool) and declared != "bool"):
            raise invalid(f"{where} must be of type {declared}, not {value!r}.")
        if declared == "datetime":
            _check_time(str(value), where)
    elif declared != "object":
        check(value, getattr(models, declared), where)


def _check_time(value: str, where: str) -> None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise invalid(f"{where} must be an RFC 3339 time, not {value!r}.") from None
