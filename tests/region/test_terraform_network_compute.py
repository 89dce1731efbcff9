"""Unmodified Terraform and provider against the region: network, compute, load balancer, bastion, IAM."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from oci.certificates_management import models

from tests.region import network, terraform
from tests.region.policies import Verb
from tests.region.region import Region
from tests.region.resources import Kind

pytestmark = pytest.mark.root

CONFIGURATION = Path(__file__).with_name("network_compute.tf")


class Terraform:
    """Terraform 1.5.7 in a folder with the configuration, in the region's network."""

    def __init__(self, region: Region, net: network.Network, folder: Path) -> None:
        shutil.copy(CONFIGURATION, folder)
        self._folder = folder
        (folder / "home/.oci").mkdir(parents=True)
        config = region.config_file(region.add_user(administrator=True))
        shutil.copy(config, folder / "home/.oci/config")
        certificate = region.resources.add(
            Kind("certificate", models.Certificate, "leaf-certificates"),
            {"compartmentId": region.compartment},
            settled=True,
        )
        variables = {
            "tenancy": region.tenancy,
            "compartment": region.compartment,
            "certificate": certificate.id,
        }
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("TF_", "OCI_"))},
            **region.environment,
            **{f"TF_VAR_{name}": value for name, value in variables.items()},
            "TF_HOME_OVERRIDE": str(folder / "home"),
            "OCI_CONFIG_FILE_PROFILE": "DEFAULT",
        }
        self._net = net

    def __call__(self, *arguments: str) -> str:
        done = self._run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def failing(self, *arguments: str) -> str:
        """What a command says that must fail, on one line."""
        done = self._run(*arguments)
        assert done.returncode == 1, done.stdout
        return " ".join(done.stderr.replace("│", " ").split())

    def resolve(self, name: str) -> str:
        """The address of a name, as those in the network see it."""
        command = self._net.hub.command("getent", "hosts", name)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(terraform.terraform()), f"-chdir={self._folder}", *arguments]
        return subprocess.run(
            self._net.hub.command(*command),
            env={**self._environment, "TF_CLI_ARGS": "-no-color"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Region:
    region = Region(tmp_path_factory.mktemp("region"))
    region.infrastructure.compute.images.add("golden", compartment=region.compartment)
    return region


@pytest.fixture(scope="module")
def run(region: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    if reason := terraform.missing() or network.available():
        pytest.skip(reason)
    with region.on_network() as net:
        run = Terraform(region, net, tmp_path_factory.mktemp("terraform"))
        run("init", "-input=false")
        yield run


APPLY = ("apply", "-auto-approve", "-input=false")


def left(region: Region) -> set[str]:
    """The kinds of what there is, but for what was there before and for what has been done."""
    kinds = {each.kind.name for each in region.resources.left()}
    before = {"compartment", "image", "certificate"}
    return {kind for kind in kinds if not kind.endswith("workrequest")} - before


def test_everything_is_made_changed_in_place_and_destroyed(region: Region, run: Terraform) -> None:
    # What OCI does now and then is tried again by the provider itself.
    region.faults.add("CreateVcn", 429, "TooManyRequests")
    region.faults.add("CreateSubnet", 500, "InternalServerError")
    region.faults.out_of_capacity()
    assert "Out of host capacity" in run.failing(*APPLY)
    region.faults.add("CreateBackend", 409, "Conflict", message="Another change is under way.")
    run(*APPLY)
    run("plan", "-input=false", "-detailed-exitcode")
    outputs = {name: each["value"] for name, each in json.loads(run("output", "-json")).items()}
    assert outputs["region"] == region.name
    assert outputs["address"].startswith("203.0.113.")
    instance = outputs["instance"]
    assert run.resolve("app.app.sim.oraclevcn.com").startswith("10.0.1.")
    assert region.policies.permit(instance, Verb.READ, "buckets", "any")

    run(*APPLY, "-var=greeting=goodbye")
    (changed,) = region.resources.by_id(instance)
    assert (changed.state, changed["metadata"]) == ("RUNNING", {"greeting": "goodbye"})

    run("destroy", "-auto-approve", "-input=false")
    assert left(region) == set()
    assert not region.policies.permit(instance, Verb.READ, "buckets", "any")
