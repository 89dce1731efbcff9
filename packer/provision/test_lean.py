import os
import subprocess
import sys
from pathlib import Path

import oci
import pytest

from packer.provision.lean import named, own_tests, take_out, unused_services, weight

SDK = Path(oci.__file__).parent
SERVICES = Path(__file__).parents[2] / "services"


@pytest.fixture(scope="module")
def lean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SDK as an image has it, in a folder of its own."""
    packages = tmp_path_factory.mktemp("packages")
    code = [path for path in SERVICES.rglob("*.py") if not path.name.startswith(("test_", "conftest"))]
    unused = set(unused_services(SDK, code))
    (packages / "oci").mkdir()
    for path in SDK.iterdir():
        if path not in unused:
            (packages / "oci" / path.name).symlink_to(path)
    return packages


def run(packages: Path, code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_client_in_use_is_kept_and_works(lean: Path) -> None:
    assert run(lean, "import oci; print(oci.__path__[0])") == str(lean / "oci")
    run(
        lean,
        "import oci\n"
        "from cryptography.hazmat.primitives.asymmetric import rsa\n"
        "signer = oci.auth.signers.SecurityTokenSigner('', rsa.generate_private_key(65537, 2048))\n"
        "for client in (oci.object_storage.ObjectStorageClient, oci.secrets.SecretsClient):\n"
        "    client({'region': 'eu-frankfurt-1'}, signer=signer)\n"
        "oci.auth.signers.InstancePrincipalsSecurityTokenSigner, oci.pagination.list_call_get_all_results\n"
        "oci.object_storage.UploadManager, oci.wait_until, oci.retry.DEFAULT_RETRY_STRATEGY",
    )


def test_every_module_that_is_kept_can_be_imported(lean: Path) -> None:
    run(
        lean,
        "import importlib, pkgutil, oci\n"
        "for module in pkgutil.iter_modules(oci.__path__):\n"
        "    importlib.import_module(f'oci.{module.name}')",
    )


def test_at_most_a_third_of_the_sdk_is_left(lean: Path) -> None:
    kept = sum(weight(path.resolve()) for path in (lean / "oci").iterdir() if path.is_dir())
    assert kept < weight(SDK) / 3


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import oci.secrets", {"secrets"}),
        ("from oci.vault.models import Secret", {"vault"}),
        ("from oci import streaming", {"streaming"}),
        ("import oci\nclient = oci.queue.QueueClient({})", {"queue"}),
        ("def later():\n    import oci.dns", {"dns"}),
        ("from . import dns", set()),
    ],
)
def test_a_service_is_named_in_whichever_way(text: str, names: set[str]) -> None:
    assert named(text) == names


def test_inside_the_sdk_relative_imports_count() -> None:
    assert named("from .. import dns, object_storage", inside=True) == {"dns", "object_storage"}
    assert named("from ..core import models", inside=True) == {"core"}


def test_tests_of_packages_are_taken_out_and_struck_from_their_record(tmp_path: Path) -> None:
    for name in ("frame/core.py", "frame/tests/data/x.csv", "frame/tests/tests/y.py", "tests/z.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    record = tmp_path / "frame-1.dist-info/RECORD"
    record.parent.mkdir()
    record.write_text('frame/core.py,,0\nframe/tests/data/x.csv,,0\n"frame/a,b.py",,0\n')
    folders = own_tests(tmp_path)
    assert folders == [tmp_path / "frame/tests"]
    take_out(tmp_path, folders)
    assert not (tmp_path / "frame/tests").exists()
    assert record.read_text() == 'frame/core.py,,0\n"frame/a,b.py",,0\n'
