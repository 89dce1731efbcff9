"""From the zip to a prediction, with nobody's shell: golden images, MySQL and TLS are real."""

import base64
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from oci.certificates import CertificatesClient
from oci.core import ComputeClient
from oci.object_storage import ObjectStorageClient
from oci.secrets import SecretsClient
from playwright.sync_api import Page, expect, sync_playwright

from services.boot.configuration import contract_of
from services.roles import ROLES
from tests.browser import DESKTOP, QUIET
from tests.images.client import Client
from tests.images.test_mlflow import signed_in
from tests.images.training import Airflow
from tests.markdown import blocks
from tests.region.region import Region
from tests.stack.cloud import OUTPUT, Cloud, add_golden_images, real
from tests.stack.deployment import Deployment, JobFailed, deployed

pytestmark = [pytest.mark.root, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
ROW = [5.1, 3.5, 1.4, 0.2]
HOST = "mlops.example.org"
PROPAGATION_SECONDS = 5
"""Until a new policy is known; on OCI it takes seconds to minutes."""


@dataclass
class Platform:
    """A deployment whose machines are up; `client` trusts the stack's own authority, a file in `folder`."""

    deployment: Deployment
    cloud: Cloud
    client: Client
    folder: Path
    outputs: dict[str, Any]

    def secret(self, purpose: str) -> str:
        """A secret's value, as its owner sees it in the Console."""
        bundle = self.deployment.client(SecretsClient).get_secret_bundle(self.outputs["secrets"][purpose])
        return base64.b64decode(bundle.data.secret_bundle_content.content).decode()

    def airflow(self) -> Airflow:
        return Airflow(self.client, self.outputs["airflow_url"], self.secret("airflow-admin"))


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Region:
    region = Region(tmp_path_factory.mktemp("region"))
    add_golden_images(region)
    return region


@pytest.fixture(scope="module")
def platform(able: None, region: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("platform")
    with deployed(folder, region) as deployment, real(region, deployment.network, folder) as cloud:
        region.policies.propagation = PROPAGATION_SECONDS
        began = time.monotonic()
        outputs = deployment.apply()
        print(f"\napply: {time.monotonic() - began:.1f} s")
        for role in ROLES:
            machine = cloud.machines.of(role.name)
            print(f"{role.name}: {machine.wait(400):.1f} s from power to healthy, all three at once")
        bundle = deployment.client(CertificatesClient).get_certificate_authority_bundle(
            outputs["certificate_authority_id"]
        )
        authority = folder / "authority.pem"
        authority.write_text(bundle.data.certificate_pem)
        yield Platform(deployment, cloud, Client(cloud.laptop, authority), folder, outputs)


@pytest.fixture(scope="module")
def trained(platform: Platform) -> str:
    """The id of a run of the DAG that the stack brought along."""
    airflow = platform.airflow()
    run = airflow.trigger()
    airflow.finish(run)
    return run


@pytest.fixture
def page(platform: Platform, tmp_path: Path) -> Iterator[Page]:
    """A page in a browser on the laptop."""
    enter = tmp_path / "chromium"
    enter.write_text(f'#!/bin/sh\nexec nsenter --target {platform.cloud.laptop.pid} --net chromium "$@"\n')
    enter.chmod(0o755)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=enter, args=list(QUIET))
        context = browser.new_context(locale="en-US", viewport=DESKTOP, ignore_https_errors=True)
        context.set_default_timeout(30_000)
        yield context.new_page()
        browser.close()


def documented(platform: Platform, within: str, typed: str = "") -> str:
    """What the block of docs/deploy.md that holds `within` prints on the laptop, its places filled in."""
    (block,) = (each for each in blocks(ROOT / "docs/deploy.md", "sh") if within in each)
    filled = re.sub(r"<(\w+)>", lambda place: platform.outputs[place[1]], block)
    done = subprocess.run(
        # Whoever enters the laptop stands at its root.
        platform.cloud.laptop.command("bash", "-euc", f"cd {shlex.quote(str(platform.folder))}\n{filled}"),
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        input=f"{typed}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_machine_has_its_contract_from_the_apply_and_nothing_else(platform: Platform) -> None:
    compute = platform.deployment.client(ComputeClient)
    for role in ROLES:
        instance = compute.get_instance(platform.outputs["instance_ids"][role.name]).data
        assert sorted(instance.metadata) == sorted(contract_of(role.name).known_keys())
        assert len(instance.metadata) <= 8
        assert instance.instance_options.are_legacy_imds_endpoints_disabled


def test_every_service_answers_over_tls_at_its_url(platform: Platform) -> None:
    for output, path in {
        "mlflow_url": "/health",
        "airflow_url": "/api/v2/monitor/health",
        "dashboard_url": "/_stcore/health",
        "page_url": "/healthz",
        "fastapi_url": "",
    }.items():
        answer = platform.client.ask(f"{platform.outputs[output]}{path}")
        assert answer.status == 200, (output, answer.body)


def test_nobody_gets_in_without_a_password_or_a_key(platform: Platform) -> None:
    urls = (
        f"{platform.outputs['mlflow_url']}/api/2.0/mlflow/experiments/search?max_results=1",
        f"{platform.outputs['airflow_url']}/api/v2/dags",
        f"{platform.outputs['fastapi_url'].removesuffix('/docs')}/models",
    )
    assert [platform.client.ask(url).status for url in urls] == [401, 401, 401]


def test_the_dag_of_the_release_trains_and_its_model_predicts(platform: Platform, trained: str) -> None:
    page = json.loads(documented(platform, "<page_url>/predict"))
    assert page["prediction"] == "Setosa"
    key = platform.secret("model-server-clients")
    server = json.loads(documented(platform, "X-API-Key", typed=key))
    assert server["predictions"] == [0]


def test_a_person_predicts_on_the_page_and_signs_in_to_the_dashboard(
    platform: Platform, trained: str, page: Page
) -> None:
    page.goto(platform.outputs["page_url"])
    expect(page.locator("form")).to_be_visible()
    for box, value in zip(page.get_by_role("textbox").all(), ROW, strict=True):
        box.fill(str(value))
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_role("heading", name="The model says Setosa")).to_be_visible(timeout=30_000)
    page.screenshot(path=OUTPUT / "page.png", full_page=True)
    # The dashboard's websocket goes through the load balancer, too.
    page.goto(platform.outputs["dashboard_url"])
    expect(page.get_by_text("iris-classifier").first).to_be_visible(timeout=60_000)
    page.screenshot(path=OUTPUT / "dashboard.png", full_page=True)
    page.goto(f"{platform.outputs['dashboard_url']}/predict")
    page.locator("input[autocomplete=username]").fill("admin")
    page.locator("input[type=password]").fill(platform.secret("mlflow-admin"))
    page.locator("input[type=password]").press("Enter")
    expect(page.get_by_text("Signed in as admin")).to_be_visible(timeout=60_000)
    page.screenshot(path=OUTPUT / "predict.png", full_page=True)


def test_the_mlflow_client_trains_from_a_laptop(platform: Platform) -> None:
    (script,) = blocks(ROOT / "README.md", "python")
    (platform.folder / "my_model.py").write_text(script)
    documented(platform, "my_model.py", typed=platform.secret("mlflow-admin"))
    server = platform.outputs["fastapi_url"].removesuffix("/docs")
    answer = platform.client.ask(
        f"{server}/predict/MyModel/Production",
        {"data": [ROW]},
        headers={"X-API-Key": platform.secret("model-server-clients")},
    )
    assert (answer.status, answer.json()["predictions"]) == (200, [0]), answer.body


def test_a_plan_is_empty_and_what_people_add_stays(platform: Platform) -> None:
    storage = platform.deployment.client(ObjectStorageClient)
    bucket, namespace = platform.outputs["dags_bucket"], platform.outputs["bucket_namespace"]
    storage.put_object(namespace, bucket, "dags/mine.py", b"# mine\n")
    assert platform.deployment.plan() == {}
    platform.deployment.apply()
    assert storage.get_object(namespace, bucket, "dags/mine.py").data.content == b"# mine\n"


def test_another_host_name_reaches_the_same_machines(platform: Platform, region: Region) -> None:
    machines = dict(platform.cloud.machines.running)
    platform.deployment.edit(public_host_name=HOST)
    outputs = platform.deployment.apply()
    assert outputs["page_url"] == f"https://{HOST}"
    assert platform.cloud.machines.running == machines
    platform.deployment.client(ComputeClient).instance_action(outputs["instance_ids"]["mlflow"], "SOFTRESET")
    region.infrastructure.compute.instances.join()
    platform.cloud.machines.of("mlflow").wait()
    client = Client(
        platform.cloud.laptop, platform.folder / "authority.pem", {HOST: outputs["load_balancer_ip"]}
    )
    search = "/api/2.0/mlflow/experiments/search?max_results=1"
    admin = signed_in("admin", platform.secret("mlflow-admin"))
    assert client.ask(f"{outputs['mlflow_url']}{search}", headers=admin).status == 200


def test_destroy_keeps_what_is_in_the_buckets_until_it_may_purge_it(platform: Platform) -> None:
    with pytest.raises(JobFailed, match="BucketNotEmpty"):
        platform.deployment.destroy()
    assert platform.cloud.machines.running == {}
    assert {each for each in platform.deployment.left() if each.startswith("bucket ")}
    platform.deployment.edit(buckets_at_destroy="purge", public_host_name="")
    platform.deployment.apply()
    for role in ROLES:
        platform.cloud.machines.of(role.name).wait(400)
    platform.deployment.destroy()
    assert platform.deployment.left() == set()
    assert platform.cloud.machines.running == {}
