"""The image can only be built where a registry can be reached; that its text fits the code is known here."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from services.roles import ROLES

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
TEXT = re.sub(r"\\\n\s*", " ", (HERE / "Containerfile").read_text())
SERVICE = next(service for role in ROLES for service in role.services if service.name == "flask")


def instructions(name: str) -> list[str]:
    """What follows each instruction of this name, on one line."""
    return re.findall(rf"^{name} (.*)$", TEXT, flags=re.MULTILINE)


def copied() -> dict[str, str]:
    """Each copied path, and the folder it is copied to."""
    return {
        source: target
        for line in instructions("COPY")
        for *sources, target in [line.split()]
        for source in sources
    }


def test_it_starts_the_service_of_the_role() -> None:
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["python", "-m", SERVICE.module]


def test_it_listens_on_the_port_of_the_role() -> None:
    assert instructions("EXPOSE") == [str(SERVICE.port)]
    assert f"PREDICTION_API_PORT={SERVICE.port} " in TEXT.replace("\n", " ")


def test_its_health_check_asks_the_path_of_the_role() -> None:
    assert f"'{SERVICE.health}'" in instructions("HEALTHCHECK")[0]


def test_every_copied_path_exists() -> None:
    assert [path for path in copied() if not (ROOT / path).exists()] == []


def test_it_copies_every_module_of_the_service_and_no_test() -> None:
    modules = {
        path.relative_to(ROOT).as_posix()
        for path in HERE.iterdir()
        if path.suffix in {".py", ".json"} and not path.name.startswith(("test_", "conftest"))
    }
    assert {path for path in copied() if path.startswith("services/serving/prediction_api/")} == modules


def test_it_installs_the_locked_wheels_alone() -> None:
    [install] = [line for line in instructions("RUN") if "pip install" in line]
    assert {"--require-hashes", "--only-binary", ":all:", "requirements.lock"} <= set(install.split())
    assert "services/serving/requirements.lock" in copied()


def test_it_does_not_run_as_root() -> None:
    assert instructions("USER") == ["10001"]
    assert any("--uid 10001" in line for line in instructions("RUN"))


def test_what_it_copies_is_enough_to_start(tmp_path: Path) -> None:
    for source, target in copied().items():
        into = tmp_path / target
        into.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, into, dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / source, into)
    started = subprocess.run(
        [sys.executable, "-m", SERVICE.module],
        cwd=tmp_path,
        # Everything is imported before the address turns out to be nobody's here.
        env={"PREDICTION_API_HOST": "203.0.113.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 1, started.stderr
    assert started.stderr.startswith("PREDICTION_API_HOST '203.0.113.1'")
