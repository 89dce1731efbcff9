import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from oci.config import from_file

REPOSITORY = Path(__file__).parents[2]
WITHOUT_ROOT = "import os; os.geteuid = lambda: 1000; from tests.region.__main__ import main; "
"""The region as it is then, whoever runs these tests."""
IMPATIENT = """
import builtins, signal
say = builtins.print
def print_and_interrupt(*words, **how):
    say(*words, **how)
    if "Ctrl-C" in str(words):
        os.kill(os.getpid(), signal.SIGINT)
builtins.print = print_and_interrupt
main()
"""
"""Ctrl-C at the very moment in which it is offered."""


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The region's process and what it says until it offers to end."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            said = ""
            for line in process.stdout:
                said += line
                if "Ctrl-C" in line:
                    break
            yield process, said
        finally:
            process.kill()


def test_a_person_is_told_how_to_use_the_region_and_it_leaves_nothing(tmp_path: Path) -> None:
    with started(tmp_path, "-c", f"{WITHOUT_ROOT}main()") as (process, said):
        config = re.search(r"export OCI_CLI_CONFIG_FILE=(\S+)", said)
        assert config, said
        assert from_file(config[1])["region"] == "sim-1"
        assert "oci --endpoint https://127.0.0.1:" in said
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_it_from_the_moment_in_which_it_is_offered(tmp_path: Path) -> None:
    with started(tmp_path, "-c", f"{WITHOUT_ROOT}{IMPATIENT}") as (process, _):
        assert process.wait(10) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
def test_in_its_network_the_names_of_oci_lead_to_the_region(tmp_path: Path) -> None:
    with started(tmp_path, "-m", "tests.region") as (process, said):
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
