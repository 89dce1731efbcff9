locals {
  # What is generated in Vault; nobody types a value, and no value comes back here.
  generated_secrets = toset([
    "mlflow-admin", "airflow-admin", "airflow-keys",
    "mlflow-airflow", "mlflow-model-server", "mlflow-dashboard",
    "model-server-airflow", "model-server-dashboard", "model-server-prediction-api", "model-server-clients",
  ])
  secret_ids = merge(
    { for name, secret in oci_vault_secret.generated : name => secret.id },
    { database-admin = oci_vault_secret.database_admin.id },
  )
}

resource "oci_kms_vault" "this" {
  compartment_id = var.compartment_ocid
  display_name   = local.unique
  vault_type     = "DEFAULT"
  freeform_tags  = local.tags
}

resource "oci_kms_key" "secrets" {
  compartment_id      = var.compartment_ocid
  display_name        = "${var.name}-secrets"
  management_endpoint = oci_kms_vault.this.management_endpoint
  protection_mode     = "SOFTWARE"
  freeform_tags       = local.tags

  key_shape {
    algorithm = "AES"
    length    = 32
  }
}

resource "oci_vault_secret" "generated" {
  for_each               = local.generated_secrets
  compartment_id         = var.compartment_ocid
  vault_id               = oci_kms_vault.this.id
  key_id                 = oci_kms_key.secrets.id
  secret_name            = "${local.unique}-${each.key}"
  enable_auto_generation = true
  freeform_tags          = local.tags

  secret_generation_context {
    generation_type     = "PASSPHRASE"
    generation_template = "SECRETS_DEFAULT_PASSWORD"
    passphrase_length   = 30
  }
}

# The one secret that Terraform itself must know, for the DB system: 104 random bits or more, and each
# kind of character that MySQL asks for. Generated in Vault, it could only be read back into the state.
resource "oci_vault_secret" "database_admin" {
  compartment_id = var.compartment_ocid
  vault_id       = oci_kms_vault.this.id
  key_id         = oci_kms_key.secrets.id
  secret_name    = "${local.unique}-database-admin"
  freeform_tags  = local.tags

  secret_content {
    content_type = "BASE64"
    content      = sensitive(base64encode("Aa1-${substr(replace(uuid(), "-", ""), 0, 28)}"))
  }

  lifecycle {
    ignore_changes = [secret_content]
  }
}
