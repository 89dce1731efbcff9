from pathlib import Path

from packer.local import passed_on


def test_how_packages_are_reached_is_passed_on_and_nothing_else() -> None:
    mirror, proxy = "https://mirror.example/simple", "http://proxy.example"
    environment = {"PIP_INDEX_URL": mirror, "https_proxy": proxy, "HOME": "/", "UV_CACHE_DIR": "/"}
    lines, lent = passed_on(environment)
    assert lines == [f"PIP_INDEX_URL={mirror}", f"https_proxy={proxy}"]
    assert lent == {}


def test_a_file_that_is_named_is_lent_once(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    authority.touch()
    lines, lent = passed_on({"PIP_CERT": str(authority), "SSL_CERT_FILE": str(authority)})
    assert lent == {authority: "/run/bake/PIP_CERT"}
    assert lines == ["PIP_CERT=/run/bake/PIP_CERT", "SSL_CERT_FILE=/run/bake/PIP_CERT"]
