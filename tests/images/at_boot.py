"""What golden images are compared with: a machine that installs its role when it boots, over the network.

The steps are those that bake the image, from the same locks; only, they run then, and by pip, as people do
who install at boot, and nothing is taken out of what pip installs. Airflow makes its schema by migrations;
MLflow's cannot run on a managed MySQL, so that MLflow is spared them.
"""

import os
import shlex
from pathlib import Path

from packer import local, machine, source
from tests.images.machine import Machine
from tests.images.site import Site

_UV = "/tmp/uv/bin"  # noqa: S108 - a folder of the machine's, not of this one
_BY_PIP = {
    f'{_UV}/pip install --disable-pip-version-check "${{hashed[@]}}" services/local/uv.lock': ":",
    f'{_UV}/uv venv --quiet --python "$python" /opt/mlops': '"$python" -m venv /opt/mlops',
    f"{_UV}/uv pip install --python /opt/mlops": "/opt/mlops/bin/pip install",
    "rm /opt/mlops/.lock": ":",
    "/opt/mlops/bin/python -m packer.provision.lean": ":",
    "/opt/mlops/bin/python -m compileall -q -j 0 /opt/mlops/lib /opt/mlops/app": ":",
}
"""What of the role's script is done by other means: pip compiles what it installs by itself."""
_MIGRATING = {"services/airflow/database.py": ("load(connection, [AIRFLOW, FAB])", "return False")}
"""Where the code of the image loads a final schema, and what has it migrate instead."""
_SCRIPTS = source.REPOSITORY / "packer/provision"
_UNIT = """\
[Unit]
Description=Install the role
[Service]
Type=oneshot
ExecStart=/bin/bash -eu /usr/src/install
StandardOutput=journal+console
TimeoutStartSec=infinity
[Install]
WantedBy=multi-user.target
"""
_INSTALL = """\
unset SSL_CERT_FILE REQUESTS_CA_BUNDLE
export {environment}
cp /usr/src/source.tar /tmp
bash /usr/src/os
bash /usr/src/role
cp --recursive /usr/src/app /opt/mlops
systemctl daemon-reload
systemctl restart firewalld
systemctl start --no-block {services}
"""


def machine_without_image(site: Site, role: str) -> Machine:
    """A machine of the role, off, on the operating system's own root."""
    proxy = f"http://{site.proxy()}"
    lines, lent = local.passed_on(os.environ)
    environment = [f"ROLE={role}", f"http_proxy={proxy}", f"https_proxy={proxy}", *lines]
    made = site.launch(role, name="at-boot", root=machine.base_root(), lent=lent)
    source.write(role)
    files = {
        "usr/src/os": (_SCRIPTS / "os").read_bytes(),
        "usr/src/role": _by_pip((_SCRIPTS / "role").read_text()).encode(),
        "usr/src/source.tar": (source.folder(role) / "source.tar").read_bytes(),
        "usr/src/install": _INSTALL.format(
            environment=" ".join(shlex.quote(line) for line in environment),
            services=" ".join(service.name for service in made.role.services),
        ).encode(),
        "etc/systemd/system/install.service": _UNIT.encode(),
    }
    files |= {f"usr/src/app/{name}": code.encode() for name, code in _migrating(role).items()}
    (made.disk / "usr/src/app").mkdir(parents=True)
    for name, content in files.items():
        (made.disk / name).parent.mkdir(parents=True, exist_ok=True)
        (made.disk / name).write_bytes(content)
    wants = made.disk / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "install.service").symlink_to(Path("/etc/systemd/system/install.service"))
    return made


def _migrating(role: str) -> dict[str, str]:
    """Files of the role's code, changed so that its schema is migrated."""
    changed = {}
    for name, (line, instead) in _MIGRATING.items():
        if name.startswith(f"services/{role}/"):
            code = (source.REPOSITORY / name).read_text()
            assert line in code, line
            changed[name] = code.replace(line, instead)
    return changed


def _by_pip(script: str) -> str:
    for line, instead in _BY_PIP.items():
        assert line in script, line
        script = script.replace(line, instead)
    return script
