from pathlib import Path

from services import documentation

DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"


def test_every_setting_is_documented_as_it_is() -> None:
    assert DOCUMENT.read_text() == documentation.page(), "run `make docs` and commit docs/settings.md"


def test_no_secret_has_a_default() -> None:
    secrets = [line for line in documentation.page().splitlines() if "PASSWORD" in line or "_KEY`" in line]
    assert len(secrets) > 8
    assert all("| required |" in line or "|  |" in line for line in secrets)
