"""schema.yaml: the form in the Console, bound both ways to variables.tf and outputs.tf."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.stack.hcl import STACK, Block, literal, stack

FORM: dict[str, Any] = yaml.safe_load((STACK / "schema.yaml").read_text())
META = yaml.safe_load(Path(__file__).with_name("meta_schema.yaml").read_text())
VARIABLES = {block.labels[0]: block for block in stack().of("variable")}
OUTPUTS = {block.labels[0]: block for block in stack().of("output")}
FORM_TYPES = {"string": "string", "number": "integer", "bool": "boolean", "list(string)": "array"}


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, str):
        yield from re.findall(r"\$\{(\w+)\}", value)


def default(block: Block) -> Any:
    return json.loads(block.attributes["default"]) if "default" in block.attributes else None


def test_it_is_what_resource_manager_takes() -> None:
    jsonschema.Draft7Validator.check_schema(META)
    faults = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in jsonschema.Draft7Validator(META).iter_errors(FORM)
    ]
    assert faults == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("variables", "name", "type"), "oci:mysql:shape"),
        (("variables", "vcn_ocid", "dependsOn"), {}),
        (("variables", "size", "visible"), {"eq": ["${name}"]}),
        (("variables", "create_iam", "default"), "yes"),
        (("outputs", "page_url", "displayText"), "x"),
        (("groupings",), []),
    ],
)
def test_what_resource_manager_would_refuse_is_found(path: tuple[str, ...], value: object) -> None:
    spoilt = json.loads(json.dumps(FORM))
    inner = spoilt
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert not jsonschema.Draft7Validator(META).is_valid(spoilt)


def test_it_asks_for_every_variable_once_and_for_no_other() -> None:
    grouped = [name for group in FORM["variableGroups"] for name in group["variables"]]
    assert sorted(grouped) == sorted(FORM["variables"]) == sorted(VARIABLES)


def test_it_shows_every_output_once_and_no_other() -> None:
    grouped = [name for group in FORM["outputGroups"] for name in group["outputs"]]
    assert sorted(grouped) == sorted(FORM["outputs"]) == sorted(OUTPUTS)


def test_its_button_opens_an_output() -> None:
    assert FORM["outputs"][FORM["primaryOutputButton"]]["type"] == "link"


def test_what_it_refers_to_is_a_variable() -> None:
    assert set(references(FORM)) <= VARIABLES.keys()


@pytest.mark.parametrize("name", VARIABLES)
def test_it_says_what_the_variable_says(name: str) -> None:
    field, block = FORM["variables"][name], VARIABLES[name]
    assert field["description"] == literal(block.attributes["description"])
    expected = FORM_TYPES[block.attributes["type"]]
    assert field["type"] == expected or (expected == "string" and field["type"].startswith(("oci:", "enum")))
    assert field.get("default") == (default(block) or field.get("default"))
    assert ("default" in field) == (default(block) not in (None, ""))
    assert field["required"] is (default(block) != "")


@pytest.mark.parametrize("name", VARIABLES)
def test_it_takes_what_the_variable_takes(name: str) -> None:
    field, condition = FORM["variables"][name], VARIABLES[name].of("validation")[0].attributes["condition"]
    if field["type"] == "integer":
        bounds = re.search(r">= (\d+) .* <= (\d+)", condition)
        assert bounds
        assert (field["minimum"], field["maximum"]) == (int(bounds[1]), int(bounds[2]))
    if "pattern" in field:
        assert json.dumps(field["pattern"]) in condition
    if field["type"] == "enum" and condition.startswith("contains"):
        assert field["enum"] == re.findall(r'"(\w+)"', condition)


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_say_the_same(name: str) -> None:
    assert FORM["outputs"][name]["description"] == literal(OUTPUTS[name].attributes["description"])
