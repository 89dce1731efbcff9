"""Runs the region for a person: `python -m tests.region`, Ctrl-C ends it and leaves nothing behind."""

import os
import shlex
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.region import network
from tests.region.cli import cli
from tests.region.region import Region
from tests.region.terraform import terraform


def main() -> None:
    over = threading.Event()
    # Ctrl-C goes to every process of the terminal: the namespaces' own must outlive it until all is closed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tempfile.TemporaryDirectory(prefix="region-") as folder:
        region = Region(Path(folder))
        environment = _environment(region)
        with _on_network(region, environment) if _has_network() else _on_loopback(region, environment):
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: over.set())
            print("\nCtrl-C ends the region.", flush=True)
            over.wait()
            print("\nThe region ends.", flush=True)


def _has_network() -> bool:
    return os.geteuid() == 0 and network.available() is None


def _environment(region: Region) -> dict[str, str]:
    """What Terraform, Packer, the CLI and the SDK read, for an administrator of the region."""
    config = region.config_file(region.add_user(administrator=True))
    # The provider looks below a home, for a named profile.
    (config.parent / ".oci").symlink_to(config.parent)
    return {
        **region.environment,
        "OCI_CLI_CONFIG_FILE": str(config),
        "OCI_CONFIG_FILE": str(config),
        "OCI_CONFIG_FILE_PROFILE": "DEFAULT",
        "TF_HOME_OVERRIDE": str(config.parent),
        "TF_VAR_region": region.name,
        "TF_VAR_tenancy_ocid": region.tenancy,
        "TF_VAR_compartment_ocid": region.compartment,
    }


@contextmanager
def _on_network(region: Region, environment: Mapping[str, str]) -> Iterator[None]:
    with region.on_network() as found:
        _show(region, environment)
        print("Then enter its network, where OCI's own names lead here:\n")
        print(f"  {shlex.join(found.hub.command('bash'))}\n")
        _show_commands()
        yield


@contextmanager
def _on_loopback(region: Region, environment: Mapping[str, str]) -> Iterator[None]:
    """Without names: the CLI and the SDK are given the address, Terraform and Packer cannot be."""
    with region.on_loopback() as loopback:
        _show(region, {**environment, "OCI_METADATA_BASE_URL": loopback.metadata_url})
        print("Without root there is no network with OCI's own names, which Terraform and Packer need.")
        print("The CLI and the SDK take the address of every service:\n")
        print(f"  oci --endpoint {loopback.endpoint} os ns get")
        yield


def _show(region: Region, environment: Mapping[str, str]) -> None:
    exports = region.folder / "exports"
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    exports.write_text("\n".join(lines) + "\n")
    print(f"The region {region.name}: Object Storage namespace {region.namespace}\n")
    print(f"  source {exports}\n")
    print("\n".join(f"  {line}" for line in lines) + "\n", flush=True)


def _show_commands() -> None:
    if found := terraform():
        print(f"  {found} init && {found} apply   # the provider comes from Terraform's own local mirror")
    if oci_command := cli():
        print(f"  {oci_command} os ns get")


if __name__ == "__main__":
    main()
