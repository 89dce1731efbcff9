import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.region import network
from tests.region.network import Network
from tests.region.policies import Verb
from tests.region.region import Region

pytestmark = pytest.mark.root

CLIENT = """
import json, sys, oci
oci.regions.enable_instance_metadata_service()
signer = oci.auth.signers.InstancePrincipalsSecurityTokenSigner()
client = oci.object_storage.ObjectStorageClient({}, signer=signer)
secrets = oci.secrets.SecretsClient({}, signer=signer)
content = secrets.get_secret_bundle(sys.argv[1]).data.secret_bundle_content.content
print(json.dumps([client.get_namespace().data, signer.region, client.base_client.get_endpoint(), content]))
"""

HELD = """
import sys, time
from pathlib import Path
from tests.region.network import Network
network = Network(Path(sys.argv[1]))
member = network.join("10.0.0.5")
import subprocess
subprocess.Popen(member.command("sleep", "1000"))
print(network.hub.pid, member.pid, flush=True)
time.sleep(1000)
"""


@pytest.fixture
def net(region: Region) -> Iterator[Network]:
    if reason := network.available():
        pytest.skip(reason)
    with region.on_network() as net:
        yield net


def run(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def links() -> str:
    return run(["ip", "-brief", "link"])


def test_an_unmodified_client_acts_as_the_machine_it_is_on(region: Region, net: Network) -> None:
    machine = net.join("10.0.0.11")
    instance = region.launch(machine.address or "")
    secret = region.add_secret("db", b"\x00")
    region.policies.allow(instance.id, Verb.READ, "secret-bundles", secret.id)
    environment = {"REQUESTS_CA_BUNDLE": str(region.authority_file), "OCI_REGION_METADATA": ""}
    answer = json.loads(run(machine.command(sys.executable, "-c", CLIENT, secret.id), **environment))
    assert answer == ["simspace", "sim-1", "https://objectstorage.sim-1.oci.test", "AA=="]


def test_each_machine_has_its_own_metadata(region: Region, net: Network) -> None:
    machines = [net.join(address) for address in ("10.0.0.21", "10.0.0.22")]
    stranger = net.join("10.0.0.23")
    url = "http://169.254.169.254/opc/v2/instance/displayName"
    curl = ["curl", "-sS", "--fail", "--max-time", "5", "-H", "Authorization: Bearer Oracle", url]
    for number, machine in enumerate(machines):
        region.launch(machine.address or "", f"machine-{number}")
    assert [run(machine.command(*curl)) for machine in machines] == ["machine-0", "machine-1"]
    assert subprocess.run(stranger.command(*curl), capture_output=True, check=False).returncode == 22


def test_machines_reach_each_other_by_name_and_nothing_else(net: Network) -> None:
    one, two = net.join("10.0.0.31"), net.join("10.0.0.32")
    net.hosts["db.private.vcn.oraclevcn.com"] = "10.0.0.32"
    served = two.bind("10.0.0.32", 3306)
    served.listen()
    resolved = run(one.command("getent", "hosts", "db.private.vcn.oraclevcn.com"))
    assert resolved.split()[0] == "10.0.0.32"
    run(one.command("bash", "-c", "exec 3<>/dev/tcp/db.private.vcn.oraclevcn.com/3306"))
    assert subprocess.run(one.command("getent", "hosts", "example.com"), check=False).returncode == 2
    served.close()


def test_the_hosts_network_is_left_alone(region: Region) -> None:
    before = links(), Path("/etc/hosts").read_text(), Path("/etc/resolv.conf").read_text()
    with region.on_network() as net:
        net.join("10.0.0.41")
        assert (links(), Path("/etc/hosts").read_text(), Path("/etc/resolv.conf").read_text()) == before
        assert run(["ip", "netns", "list"]) == ""


def test_nothing_is_left_of_a_run_that_was_killed(tmp_path: Path) -> None:
    before = links()
    run_to_kill = subprocess.Popen(
        [sys.executable, "-c", HELD, str(tmp_path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert run_to_kill.stdout
    held = [int(pid) for pid in run_to_kill.stdout.readline().split()]
    inside = [Path(f"/proc/{pid}") for pid in held]
    namespaces = {str((path / "ns/net").readlink()) for path in inside}
    assert len(namespaces) == 2
    run_to_kill.send_signal(signal.SIGKILL)
    run_to_kill.wait()
    run_to_kill.stdout.close()
    deadline = time.monotonic() + 5
    while left := [pid for pid in all_processes() if network_of(pid) in namespaces]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)
    assert links() == before


def all_processes() -> list[str]:
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def network_of(pid: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""
