# TLS with no private key in the state: an internal authority signs, and the load balancer is given the
# certificate's OCID. Renewals happen there, too.
resource "oci_kms_key" "authority" {
  count               = local.own_certificate_authority ? 1 : 0
  compartment_id      = var.compartment_ocid
  display_name        = "${var.name}-authority"
  management_endpoint = oci_kms_vault.this.management_endpoint
  protection_mode     = "HSM"
  freeform_tags       = local.tags

  key_shape {
    algorithm = "RSA"
    length    = 256
  }
}

resource "oci_certificates_management_certificate_authority" "own" {
  count          = local.own_certificate_authority ? 1 : 0
  compartment_id = var.compartment_ocid
  name           = "${local.unique}-${substr(uuid(), 0, 8)}"
  kms_key_id     = oci_kms_key.authority[0].id
  freeform_tags  = local.tags

  certificate_authority_config {
    config_type       = "ROOT_CA_GENERATED_INTERNALLY"
    signing_algorithm = "SHA256_WITH_RSA"

    subject {
      common_name = "${local.unique} authority"
    }
  }

  lifecycle {
    # One that failed keeps its name while it waits for its deletion; the next try has another.
    ignore_changes = [name]
  }

  # It signs at once, and fails where the policy is not yet known: the DB system takes longer than that.
  depends_on = [oci_identity_policy.authority, oci_mysql_mysql_db_system.this]
}

# A certificate for another host is another one, with another name: the load balancer goes over to it
# before the old one is deleted, and names of deleted ones stay reserved.
resource "terraform_data" "certificate" {
  count            = local.own_certificate_authority ? 1 : 0
  triggers_replace = local.public_host

  lifecycle {
    create_before_destroy = true
  }
}

resource "oci_certificates_management_certificate" "own" {
  count          = local.own_certificate_authority ? 1 : 0
  compartment_id = var.compartment_ocid
  name           = "${local.unique}-${substr(terraform_data.certificate[0].id, 0, 8)}"
  freeform_tags  = local.tags

  certificate_config {
    config_type                     = "ISSUED_BY_INTERNAL_CA"
    certificate_profile_type        = "TLS_SERVER"
    issuer_certificate_authority_id = oci_certificates_management_certificate_authority.own[0].id
    key_algorithm                   = "RSA2048"
    signature_algorithm             = "SHA256_WITH_RSA"

    subject {
      common_name = local.public_host
    }
    subject_alternative_names {
      type  = can(cidrnetmask("${local.public_host}/32")) ? "IP" : "DNS"
      value = local.public_host
    }
  }

  certificate_rules {
    rule_type              = "CERTIFICATE_RENEWAL_RULE"
    renewal_interval       = "P60D"
    advance_renewal_period = "P15D"
  }

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  certificate_id = local.own_certificate_authority ? oci_certificates_management_certificate.own[0].id : var.certificate_ocid
}
