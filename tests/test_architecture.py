"""The rooms: what docs/architecture.md says of them is so."""

import ast
import re
from pathlib import Path

from services.roles import ROLES

ROOT = Path(__file__).parents[1]
FOREIGN = {
    "dags": ("services", "tests"),
    "services/mlflow": ("services.local", "services.airflow", "services.serving", "dags", "steps"),
    "services/airflow": ("services.local", "services.mlflow", "services.serving", "dags", "steps"),
    "services/serving": ("services.local", "services.mlflow", "services.airflow", "dags", "steps"),
    "services/local": ("dags", "steps"),
}
"""What the modules of a room may not import."""


def imports(module: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_no_room_imports_what_it_may_not_know() -> None:
    trespasses = [
        (str(module.relative_to(ROOT)), name)
        for room, foreign in FOREIGN.items()
        for module in (ROOT / room).rglob("*.py")
        if not module.name.startswith(("test_", "conftest"))
        for name in imports(module)
        if name.startswith(tuple(f"{prefix}." for prefix in foreign)) or name in foreign
    ]
    assert trespasses == []


def test_the_table_of_services_is_the_code() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (\w+) \| `python -m ([^`]+)` \| (\d*) ?\| ?`?([^`|]*)`? ?\|$", text, re.M
    )
    assert rows == [
        (
            service.name,
            role.name,
            " ".join((service.module, *service.arguments)),
            str(service.port or ""),
            service.health or "",
        )
        for role in ROLES
        for service in role.services
    ]


def test_the_frontend_knows_no_host() -> None:
    for file in (ROOT / "frontend").rglob("*"):
        if file.is_file() and file.suffix in (".html", ".js", ".css", ".json"):
            hosts = set(re.findall(r"https?://([\w.:-]+)", file.read_text())) - {"www.w3.org"}
            assert not hosts, f"{file} names {hosts}"
