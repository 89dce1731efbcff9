"""`make image`: Packer and its Oracle plugin, unmodified, bake an image in the region, on a real machine."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import oci
import pytest
from oci.core import VirtualNetworkClient
from oci.core.models import CreateSubnetDetails, CreateVcnDetails

from packer import check, source
from packer.machine import base_root
from services.roles import ROLES
from tests.images.site import REPOSITORY
from tests.images.source_machine import SourceMachines, packages
from tests.images.way_out import way_out
from tests.region import network
from tests.region.images import IMAGE, SCHEMA
from tests.region.machines import Launch
from tests.region.network import GATEWAY, Network
from tests.region.region import Region
from tests.region.resources import Resource

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]

ROLE = next(role for role in ROLES if role.name == "mlflow")


@dataclass(frozen=True)
class Bake:
    """One run: its status and words, the folder of its files, what it launched, and what there is since."""

    status: int
    said: str
    folder: Path
    launches: list[Launch]
    made: list[Resource]


@dataclass(frozen=True)
class Bakery:
    """A region where Packer can bake; `variables` say where, `environment` how to get packages."""

    region: Region
    network: Network
    machines: SourceMachines
    variables: dict[str, str]
    environment: list[str]

    def bake(self, folder: Path, environment: list[str]) -> Bake:
        # The images that were baked here stay as they are: Packer sees this folder in the place of theirs.
        source.folder(ROLE.name).mkdir(parents=True, exist_ok=True)
        self.network.hub.cover(str(source.folder(ROLE.name)), folder)
        launches, before = len(self.machines.launches), self._there()
        done = subprocess.run(
            self.network.hub.command(
                # Nothing can be installed from in there.
                *("make", "-C", str(REPOSITORY), "--old-file=.local/venvs/dev/.installed"),
                *("image", f"ROLE={ROLE.name}"),
            ),
            env=self._shell(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not self.region.infrastructure.compute.instances.failures
        made = [resource for name, resource in self._there().items() if name not in before]
        return Bake(done.returncode, done.stdout, folder, self.machines.launches[launches:], made)

    def instance(self, launch: Launch) -> Resource:
        """What was launched, as the region shows it now."""
        (found,) = self.region.resources.by_id(launch.instance)
        return found

    def _there(self) -> dict[str, Resource]:
        """All that is not deleted, but for the records of what was done, by OCID."""
        found = self.region.resources.left()
        return {each.id: each for each in found if not each.kind.name.endswith("workrequest")}

    def _shell(self, environment: list[str]) -> dict[str, str]:
        """A fresh shell with what the region's clients need, and Packer's variables."""
        variables = {**self.variables, "environment": json.dumps(environment)}
        kept = ("HOME", "PATH", "PACKER_CONFIG_DIR", "PACKER_PLUGIN_PATH")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            **self.region.environment,
            **{f"PKR_VAR_{name}": value for name, value in variables.items()},
            "CHECKPOINT_DISABLE": "1",
            "PACKER_NO_COLOR": "1",
        }


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bakery]:
    if reason := check.no_oci() or network.available():
        pytest.skip(reason)
    region = Region(tmp_path_factory.mktemp("region"))
    compute = region.infrastructure.compute
    compute.images.add("Oracle-Linux-8.10-2026.10.31-0", content=base_root())
    config = region.config_file(region.add_user(administrator=True))
    with region.on_network() as net, way_out(outside := net.hub.bind(GATEWAY, 0)):
        environment, lent = packages(f"http://{GATEWAY}:{outside.getsockname()[1]}")
        machines = SourceMachines(net, ROLE, tmp_path_factory.mktemp("machines"), lent)
        compute.instances.machines = machines
        variables = {
            "config_file": str(config),
            "compartment_ocid": region.compartment,
            "subnet_ocid": subnet(region, config),
            "availability_domain": region.infrastructure.places.availability_domains[0],
            "use_private_ip": "true",
        }
        yield Bakery(region, net, machines, variables, environment)
        machines.close()


def subnet(region: Region, config: Path) -> str:
    """The OCID of a new private subnet of a new VCN."""
    with region.on_loopback() as loopback, pytest.MonkeyPatch.context() as patch:
        for name, value in region.environment.items():
            patch.setenv(name, value)
        client = VirtualNetworkClient(oci.config.from_file(str(config)), service_endpoint=loopback.endpoint)
        vcn = CreateVcnDetails(cidr_block="10.0.0.0/16", compartment_id=region.compartment)
        details = CreateSubnetDetails(
            cidr_block="10.0.2.0/24",
            compartment_id=region.compartment,
            prohibit_public_ip_on_vnic=True,
            vcn_id=client.create_vcn(vcn).data.id,
        )
        made = client.create_subnet(details).data.id
        client.base_client.session.close()
    return str(made)


@pytest.fixture(scope="module")
def facts() -> dict[str, str]:
    return source.facts(ROLE.name)


@pytest.fixture(scope="module")
def baked(bakery: Bakery, facts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """One that finds no room for its machine at first: the plugin tries again."""
    bakery.region.faults.out_of_capacity()
    bake = bakery.bake(tmp_path_factory.mktemp("dist"), bakery.environment)
    assert bake.status == 0, bake.said
    return bake


@pytest.fixture(scope="module")
def failed(bakery: Bakery, baked: Bake, tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """The next one, on a machine that cannot get packages."""
    return bakery.bake(tmp_path_factory.mktemp("dist"), [])


def test_the_image_is_there_and_tagged_with_what_it_is_made_of(baked: Bake, facts: dict[str, str]) -> None:
    (image,) = (each for each in baked.made if each.kind is IMAGE)
    name = rf"mlops-{ROLE.name}-{facts['version']}-{facts['commit'][:12]}-\d{{14}}"
    assert re.fullmatch(name, image["displayName"])
    assert (image.state, image["freeformTags"]) == ("AVAILABLE", facts)
    (artifact,) = json.loads((baked.folder / "artifact.json").read_text())["builds"]
    assert artifact["artifact_id"] == image.id


def test_the_manifest_beside_the_artifact_says_the_same(baked: Bake, facts: dict[str, str]) -> None:
    manifest = json.loads((baked.folder / "manifest.json").read_text())
    assert facts.items() <= manifest.items()
    bill = json.loads((baked.folder / "sbom.cdx.json").read_text())
    assert len(bill["components"]) == len(manifest["packages"]) + len(manifest["system_packages"])


def test_the_machine_was_of_the_shape_and_without_legacy_metadata(bakery: Bakery, baked: Bake) -> None:
    (launch,) = baked.launches
    instance = bakery.instance(launch)
    assert launch.image_name.startswith("Oracle-Linux-8")
    assert instance["instanceOptions"]["areLegacyImdsEndpointsDisabled"] is True
    assert instance["shape"] == "VM.Standard.E4.Flex"
    assert (instance["shapeConfig"]["ocpus"], instance["shapeConfig"]["memoryInGBs"]) == (2, 16)
    assert set(instance["metadata"]) == {"ssh_authorized_keys"}


def test_the_specs_have_passed_before_the_seal(baked: Bake) -> None:
    steps = ("provision/role", r" \d+ passed", "provision/seal", "provision/hygiene", "Creating image")
    assert re.search(".*".join(steps), baked.said, re.DOTALL), baked.said


def test_the_disk_was_sealed(bakery: Bakery, baked: Bake) -> None:
    disk, base = bakery.machines.disk(baked.launches[0].instance), base_root()
    keys = {path.name for root in (base, disk) for path in root.glob("etc/ssh/ssh_host_*")}
    # So an overlay notes down that a file of the layer below is gone.
    assert all((disk / "etc/ssh" / key).is_char_device() for key in keys)
    assert (disk / "etc/machine-id").read_bytes() == b""
    assert (disk / "home/opc/.ssh").is_dir()
    assert not list(disk.glob("home/opc/.ssh/*"))
    assert not [path for path in disk.glob("var/log/**/*") if path.is_file() and path.stat().st_size]


def test_the_machine_is_gone_and_only_the_image_is_left(bakery: Bakery, baked: Bake) -> None:
    assert bakery.instance(baked.launches[0]).state == "TERMINATED"
    assert {each.kind for each in baked.made} == {IMAGE, SCHEMA}
    assert not list(baked.folder.glob("key*"))


def test_the_next_bake_starts_from_the_same_image_and_not_from_what_was_baked(
    baked: Bake, failed: Bake
) -> None:
    assert [launch.image for launch in failed.launches] == [launch.image for launch in baked.launches]


def test_a_bake_that_fails_leaves_no_machine_and_no_image(bakery: Bakery, failed: Bake) -> None:
    assert failed.status != 0
    assert "Script exited with non-zero exit status" in failed.said
    assert [bakery.instance(launch).state for launch in failed.launches] == ["TERMINATED"]
    assert failed.made == []
    assert not list(failed.folder.glob("key*"))


def test_a_launch_that_is_refused_is_told_and_leaves_nothing(bakery: Bakery, tmp_path: Path) -> None:
    limit = "The following service limits were exceeded: standard-e4-core-count."
    bakery.region.faults.add("LaunchInstance", 400, "LimitExceeded", message=limit)
    refused = bakery.bake(tmp_path, [])
    assert refused.status != 0
    assert limit in refused.said
    assert (refused.launches, refused.made) == ([], [])
