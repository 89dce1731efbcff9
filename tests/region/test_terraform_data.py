"""The unmodified provider makes, changes and removes what the data services have; root."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.region import network as namespaces
from tests.region.network import Network
from tests.region.region import Region
from tests.region.terraform import missing, terraform

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.skipif(namespaces.available() is not None, reason=namespaces.available() or ""),
]

CONFIGURATION = """
terraform {
  required_providers {
    oci = { source = "oracle/oci" }
  }
}

provider "oci" { region = var.region }

variable "region" {}
variable "compartment" {}
variable "tenancy" {}
variable "retention" { default = 7 }
variable "protected" { default = false }
variable "suffix" { default = "one" }

locals {
  database = oci_mysql_mysql_db_system.this.id
  own      = var.compartment
}

data "oci_objectstorage_namespace" "own" {}

resource "oci_kms_vault" "this" {
  compartment_id = var.compartment
  display_name   = "vault"
  vault_type     = "DEFAULT"
}
resource "oci_kms_key" "secrets" {
  compartment_id      = var.compartment
  display_name        = "secrets"
  management_endpoint = oci_kms_vault.this.management_endpoint
  protection_mode     = "SOFTWARE"
  key_shape {
    algorithm = "AES"
    length    = 32
  }
}
resource "oci_kms_key" "authority" {
  compartment_id      = var.compartment
  display_name        = "authority"
  management_endpoint = oci_kms_vault.this.management_endpoint
  protection_mode     = "HSM"
  key_shape {
    algorithm = "RSA"
    length    = 256
  }
}
resource "oci_vault_secret" "generated" {
  compartment_id         = var.compartment
  vault_id               = oci_kms_vault.this.id
  key_id                 = oci_kms_key.secrets.id
  secret_name            = "generated-${var.suffix}"
  enable_auto_generation = true
  secret_generation_context {
    generation_type     = "PASSPHRASE"
    generation_template = "SECRETS_DEFAULT_PASSWORD"
    passphrase_length   = 30
  }
}
resource "oci_vault_secret" "given" {
  compartment_id = var.compartment
  vault_id       = oci_kms_vault.this.id
  key_id         = oci_kms_key.secrets.id
  secret_name    = "given-${var.suffix}"
  secret_content {
    content_type = "BASE64"
    content      = base64encode("Aa1-something")
  }
}

resource "oci_identity_dynamic_group" "authority" {
  compartment_id = var.tenancy
  name           = "authority"
  description    = "Authorities"
  matching_rule  = "ALL {resource.type = 'certificateauthority', resource.compartment.id = '${local.own}'}"
}
resource "oci_identity_policy" "own" {
  compartment_id = var.compartment
  name           = "own"
  description    = "What the services may do"
  statements = [
    "allow dynamic-group authority to use keys in compartment id ${var.compartment}",
    "allow service objectstorage-${var.region} to manage object-family in compartment id ${var.compartment}",
  ]
  depends_on = [oci_identity_dynamic_group.authority]
}
resource "oci_certificates_management_certificate_authority" "own" {
  depends_on     = [oci_identity_policy.own]
  compartment_id = var.compartment
  name           = "root-${var.suffix}"
  kms_key_id     = oci_kms_key.authority.id
  certificate_authority_config {
    config_type       = "ROOT_CA_GENERATED_INTERNALLY"
    signing_algorithm = "SHA256_WITH_RSA"
    subject { common_name = "A root" }
  }
}
resource "oci_certificates_management_certificate" "own" {
  compartment_id = var.compartment
  name           = "server-${var.suffix}"
  certificate_config {
    config_type                     = "ISSUED_BY_INTERNAL_CA"
    certificate_profile_type        = "TLS_SERVER"
    issuer_certificate_authority_id = oci_certificates_management_certificate_authority.own.id
    key_algorithm                   = "RSA2048"
    signature_algorithm             = "SHA256_WITH_RSA"
    subject { common_name = "mlops.example.org" }
    subject_alternative_names {
      type  = "DNS"
      value = "mlops.example.org"
    }
  }
  certificate_rules {
    rule_type              = "CERTIFICATE_RENEWAL_RULE"
    renewal_interval       = "P60D"
    advance_renewal_period = "P15D"
  }
}

resource "oci_objectstorage_bucket" "one" {
  compartment_id = var.compartment
  namespace      = data.oci_objectstorage_namespace.own.namespace
  name           = "bucket"
  access_type    = "NoPublicAccess"
  versioning     = "Enabled"
}
resource "oci_objectstorage_object_lifecycle_policy" "one" {
  depends_on = [oci_identity_policy.own]
  namespace = data.oci_objectstorage_namespace.own.namespace
  bucket    = oci_objectstorage_bucket.one.name
  rules {
    name        = "old-versions"
    action      = "DELETE"
    target      = "previous-object-versions"
    is_enabled  = true
    time_amount = tostring(var.retention)
    time_unit   = "DAYS"
  }
  rules {
    name        = "task-logs"
    action      = "DELETE"
    target      = "objects"
    is_enabled  = true
    time_amount = "90"
    time_unit   = "DAYS"
    object_name_filter { inclusion_prefixes = ["logs/"] }
  }
}
resource "oci_objectstorage_object" "one" {
  namespace                  = data.oci_objectstorage_namespace.own.namespace
  bucket                     = oci_objectstorage_bucket.one.name
  object                     = "dags/one.py"
  content                    = "pass\\n"
  content_type               = "text/x-python"
  delete_all_object_versions = true
}

resource "oci_ons_notification_topic" "alarms" {
  compartment_id = var.compartment
  name           = "alarms"
}
resource "oci_ons_subscription" "email" {
  compartment_id = var.compartment
  topic_id       = oci_ons_notification_topic.alarms.id
  protocol       = "EMAIL"
  endpoint       = "someone@example.org"
}
resource "oci_monitoring_alarm" "busy" {
  compartment_id        = var.compartment
  metric_compartment_id = var.compartment
  display_name          = "busy"
  namespace             = "oci_mysql_database"
  query                 = "CPUUtilization[5m]{resourceId = \\"${local.database}\\"}.mean() > 90"
  severity              = "WARNING"
  pending_duration      = "PT${var.retention}M"
  body                  = "Busy."
  destinations          = [oci_ons_notification_topic.alarms.id]
  is_enabled            = true
}

resource "oci_core_vcn" "this" {
  compartment_id = var.compartment
  cidr_blocks    = ["10.0.0.0/16"]
  dns_label      = "net"
}
resource "oci_core_subnet" "this" {
  compartment_id = var.compartment
  vcn_id         = oci_core_vcn.this.id
  cidr_block     = "10.0.1.0/24"
  dns_label      = "data"
}
resource "oci_core_network_security_group" "this" {
  compartment_id = var.compartment
  vcn_id         = oci_core_vcn.this.id
}
data "oci_identity_availability_domains" "all" { compartment_id = var.compartment }
resource "oci_mysql_mysql_db_system" "this" {
  compartment_id          = var.compartment
  availability_domain     = data.oci_identity_availability_domains.all.availability_domains[0].name
  display_name            = "platform"
  subnet_id               = oci_core_subnet.this.id
  nsg_ids                 = [oci_core_network_security_group.this.id]
  hostname_label          = "db"
  shape_name              = "MySQL.2"
  data_storage_size_in_gb = 50
  crash_recovery          = "ENABLED"
  admin_username          = "admin"
  admin_password          = base64decode(oci_vault_secret.given.secret_content[0].content)
  data_storage { is_auto_expand_storage_enabled = true }
  backup_policy {
    is_enabled        = true
    retention_in_days = var.retention
    pitr_policy { is_enabled = true }
  }
  deletion_policy {
    automatic_backup_retention = "DELETE"
    final_backup               = "SKIP_FINAL_BACKUP"
    is_delete_protected        = var.protected
  }
  secure_connections { certificate_generation_type = "SYSTEM" }
}
"""


class Directory:
    """A Terraform directory whose commands run in the region's network as an administrator."""

    def __init__(self, folder: Path, region: Region, network: Network) -> None:
        self.folder = folder
        self.network = network
        home = region.config_file(region.add_user(administrator=True)).parent
        (home / ".oci").symlink_to(home)
        self.environment = {
            **os.environ,
            **region.environment,
            "TF_HOME_OVERRIDE": str(home),
            "OCI_CONFIG_FILE_PROFILE": "DEFAULT",
            "TF_VAR_region": region.name,
            "TF_VAR_compartment": region.compartment,
            "TF_VAR_tenancy": region.tenancy,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (terraform() or "", f"-chdir={self.folder}", *arguments, "-no-color")
        return subprocess.run(
            self.network.hub.command(*command),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def changes(self, *variables: str) -> dict[str, list[str]]:
        """What a plan would do, by address, without what stays as it is."""
        planned = self.run("plan", "-input=false", f"-out={self.folder}/plan", *variables)
        assert planned.returncode == 0, planned.stdout + planned.stderr
        shown = self.run("show", "-json", f"{self.folder}/plan")
        resources = json.loads(shown.stdout).get("resource_changes", [])
        return {
            each["address"]: each["change"]["actions"]
            for each in resources
            if each["change"]["actions"] not in (["no-op"], ["read"])
        }


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Region:
    return Region(tmp_path_factory.mktemp("region"))


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory, region: Region) -> Iterator[Directory]:
    folder = tmp_path_factory.mktemp("terraform")
    (folder / "main.tf").write_text(CONFIGURATION)
    with region.on_network() as network:
        directory = Directory(folder, region, network)
        for command in (("init", "-input=false"), ("apply", "-input=false", "-auto-approve")):
            done = directory.run(*command)
            assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr}\n{region.front.seen[-20:]}"
        yield directory


def test_a_second_plan_is_empty(applied: Directory) -> None:
    assert applied.changes() == {}, applied.run("plan", "-input=false").stdout


def test_a_change_stays_in_place(applied: Directory) -> None:
    changes = applied.changes("-var=retention=9")
    assert changes == {
        "oci_monitoring_alarm.busy": ["update"],
        "oci_mysql_mysql_db_system.this": ["update"],
        "oci_objectstorage_object_lifecycle_policy.one": ["update"],
    }
    done = applied.run("apply", "-input=false", "-auto-approve", "-var=retention=9")
    assert done.returncode == 0, done.stdout + done.stderr
    assert applied.changes("-var=retention=9") == {}


def test_destroy_leaves_nothing_and_an_apply_after_it_works(applied: Directory, region: Region) -> None:
    done = applied.run("destroy", "-input=false", "-auto-approve")
    assert done.returncode == 0, done.stdout + done.stderr
    assert region.object_storage.store.buckets == {}
    # A new vault has names of its own; those of certificates are the tenancy's.
    done = applied.run("apply", "-input=false", "-auto-approve", "-target=oci_vault_secret.generated")
    assert done.returncode == 0, done.stdout + done.stderr
    again = applied.run("destroy", "-input=false", "-auto-approve")
    assert again.returncode == 0, again.stdout + again.stderr
