import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from oci.config import from_file

REPOSITORY = Path(__file__).parents[2]


def test_a_person_is_told_how_to_use_the_region_and_it_leaves_nothing(tmp_path: Path) -> None:
    # Without root, whoever runs this test.
    patch = "import os; os.geteuid = lambda: 1000; from tests.region.__main__ import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", patch],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    config = re.search(r"export OCI_CLI_CONFIG_FILE=(\S+)", said)
    assert config, said
    assert from_file(config[1])["region"] == "sim-1"
    assert "oci --endpoint https://127.0.0.1:" in said
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert list(tmp_path.iterdir()) == []
    process.stdout.close()


@pytest.mark.root
def test_in_its_network_the_names_of_oci_lead_to_the_region(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.region"],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    enter = re.search(r"^  (nsenter .*) bash$", said, re.MULTILINE)
    exports = re.search(r"^  source (\S+)$", said, re.MULTILINE)
    assert enter, said
    assert exports
    ask = f"source {exports[1]}; curl -s --cacert $SSL_CERT_FILE https://objectstorage.sim-1.oci.test/n/"
    answer = subprocess.run(
        [*enter[1].split(), "bash", "-c", ask], capture_output=True, text=True, check=True
    )
    assert "NotAuthorizedOrNotFound" in answer.stdout
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert list(tmp_path.iterdir()) == []
    process.stdout.close()
