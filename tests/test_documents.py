"""What the documents name is there, and what they say in two languages is the same."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from packer.test_provisioners import OCI, variables
from release.stack import TARGET
from services.boot.configuration import contract_of
from services.boot.contract import DatabaseContract
from services.roles import ROLES
from tests import markdown
from tests.stack.hcl import stack

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("README*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "tests/region/README.md"]
PAIRS = [("README.md", "README.pt-BR.md"), ("docs/deploy.md", "docs/deploy.pt-BR.md")]
OF_THE_STACK = ["docs/deploy.md", "docs/deploy.pt-BR.md", "docs/operations.md"]
PLACEHOLDER = "YOUR_GITHUB_NAME"
"""No name that GitHub gives to anybody: the button leads nowhere until it is replaced."""


def text(name: str) -> str:
    return (ROOT / name).read_text()


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def broken(document: Path) -> Iterator[str]:
    """The links that lead to no file, or to no heading of one."""
    for link in markdown.links(document.read_text()):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if "://" not in link and not (
            target.exists() and (not anchor or anchor in markdown.anchors(target.read_text()))
        ):
            yield link


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert list(broken(document)) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page, *really*\n[a](#a-page-really) [b](#b) [c](c.md) [![d](d.png)](page.md)\n")
    assert list(broken(page)) == ["#b", "c.md", "d.png"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_target_that_is_named_is_in_the_makefile(document: Path) -> None:
    content = document.read_text()
    code = [*markdown.spans(content), *(body for _, body in markdown.fences(content))]
    named = {target for each in code for target in re.findall(r"(?m)(?:^|\()make ([a-z-]+)", each)}
    assert named <= set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("name", OF_THE_STACK)
def test_every_variable_and_output_that_is_named_is_the_stacks(name: str) -> None:
    known = {kind: {block.labels[0] for block in stack().of(kind)} for kind in ("variable", "output")}
    dags = {path.stem for path in (ROOT / "dags").glob("*.py")}
    named = {span for span in markdown.spans(text(name)) if re.fullmatch(r"[a-z]+(_[a-z]+)+", span)}
    assert named <= known["variable"] | known["output"] | dags
    assert set(re.findall(r"<(\w+_\w+)>", text(name))) <= known["output"]


@pytest.mark.parametrize(("english", "portuguese"), PAIRS)
def test_both_languages_say_the_same(english: str, portuguese: str) -> None:
    for one, other in zip(unchanged(text(english)), unchanged(text(portuguese)), strict=True):
        assert one == other


def unchanged(content: str) -> Iterator[object]:
    """What a translation leaves as it is: parts, rows and items; links; blocks; what is marked as code."""
    yield re.findall(r"^ *(#+|\||- |\d\.)", markdown.prose(content), re.MULTILINE)
    found = [link.replace(".pt-BR.md", ".md").partition("#") for link in markdown.links(content)]
    yield [(path, bool(anchor)) for path, anchor, _ in found]
    yield [
        (language, markdown.commands(body) if language == "sh" else body)
        for language, body in markdown.fences(content)
    ]
    yield sorted(markdown.spans(content))


def test_the_button_takes_what_a_release_publishes() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]["name"]
    asset = rf"https://github\.com/([\w-]+)/{project}/releases/latest/download/{TARGET.name}"
    for name in PAIRS[0]:
        (button,) = (link for link in markdown.links(text(name)) if "cloud.oracle.com/resource" in link)
        owner = re.fullmatch(
            rf"https://cloud\.oracle\.com/resourcemanager/stacks/create\?zipUrl={asset}", button
        )
        assert owner, button
        assert (owner[1] == PLACEHOLDER) == (PLACEHOLDER in markdown.spans(text(name)))


def test_every_variable_of_a_bake_is_described() -> None:
    described = re.findall(r"^\| `PKR_VAR_(\w+)`(?:, `PKR_VAR_(\w+)`)?", text("docs/images.md"), re.MULTILINE)
    by_the_bake = {"role", "version", "commit", "lock", "ssh_key"}
    assert {name for row in described for name in row if name} == variables(OCI) - by_the_bake


def test_what_each_image_holds_is_described_as_it_is() -> None:
    described = {row[0].strip("`"): row[1:] for row in markdown.table(text("docs/images.md"), "role")}
    assert list(described) == [role.name for role in ROLES]
    for role in ROLES:
        services, packages, databases, buckets = described[role.name]
        listening = [
            f"`{each.name}` {each.port}" if each.port else f"`{each.name}`" for each in role.services
        ]
        assert services == ", ".join(listening)
        locks = "".join(text(f"services/{room}/requirements.lock") for room in (role.name, "boot"))
        assert [name for name in markdown.spans(packages) if f"\n{name}==" not in f"\n{locks}"] == []
        contract = contract_of(role.name)
        own = contract.databases if issubclass(contract, DatabaseContract) else ()
        assert markdown.spans(databases) == list(own)
        assert bool(buckets) == ("mlops_bucket" in contract.known_keys())


def test_the_contract_is_described_as_it_is() -> None:
    described = {
        key.strip("`"): roles.split(", ") for key, roles, _ in markdown.table(text("docs/images.md"), "key")
    }
    known = {role.name: contract_of(role.name).known_keys() for role in ROLES}
    assert described == {
        key: [role for role, keys in known.items() if key in keys]
        for key in {key for keys in known.values() for key in keys}
    }


def test_every_secret_is_described_with_who_reads_it() -> None:
    told = re.findall(
        r'^    (\w+) = \{|secret_ids\["([a-z-]+)"\]', text("resource-manager/instances.tf"), re.MULTILINE
    )
    readers: dict[str, list[str]] = {}
    role = ""
    for opened, secret in told:
        role = opened or role
        if secret:
            readers.setdefault(secret, []).append(role)
    described = markdown.table(text("docs/operations.md"), "secret")
    assert {row[0].strip("`"): row[2].split(", ") for row in described} == {
        secret: sorted(roles) for secret, roles in readers.items()
    }


def test_every_room_is_there_and_every_folder_is_a_room() -> None:
    rooms = {row[0].strip("`") for row in markdown.table(text("docs/architecture.md"), "room")}
    assert [room for room in rooms if "<" not in room and not (ROOT / room).is_dir()] == []
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = {name.partition("/")[0] for name in listed.splitlines() if "/" in name and name[0] != "."}
    assert {room.partition("/")[0] for room in rooms} == folders - {"docs"}
