import subprocess
import sys
from pathlib import Path

import pytest

from tests.region import network
from tests.region.certificates import Issued
from tests.region.proxies import Backend, Listener
from tests.region.region import Region

pytestmark = pytest.mark.root

_SERVER = "import http.server as h; print(flush=True); h.test(h.SimpleHTTPRequestHandler, port=8000)"


def test_a_client_in_the_network_reaches_a_machine_by_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := network.available():
        pytest.skip(reason)
    region = Region(tmp_path)
    authority = Issued.root("Test")
    issued = authority.issue("balancer", hosts=["203.0.113.9"])
    monkeypatch.setattr(region.data.certificates, "chain", lambda *_: (issued, authority))
    (tmp_path / "root.pem").write_bytes(authority.pem)
    with region.on_network() as net:
        machine, client = net.join("10.0.0.20"), net.join("10.0.0.30")
        command = machine.command(sys.executable, "-c", _SERVER)
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert server.stdout
        server.stdout.readline()
        proxy = region.proxy(net)
        listener = Listener(5000, "HTTP", "certificate", (Backend("10.0.0.20", 8000),), 60)
        proxy.apply("balancer", "203.0.113.9", [listener])
        try:
            ask = ["curl", "--silent", "--fail", "--retry", "5", "--retry-all-errors", "--cacert"]
            url = "https://203.0.113.9:5000/"
            done = subprocess.run(
                client.command(*ask, str(tmp_path / "root.pem"), url),
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            proxy.close()
            server.kill()
            server.wait()
            server.stdout.close()
    assert "Directory listing" in done.stdout, done.stderr
