data "oci_identity_tenancy" "this" {
  count      = var.create_iam ? 1 : 0
  tenancy_id = var.tenancy_ocid
}

data "oci_identity_regions" "all" {
  count = var.create_iam ? 1 : 0
}

locals {
  home_region = try([
    for region in data.oci_identity_regions.all[0].regions : region.name
    if region.key == data.oci_identity_tenancy.this[0].home_region_key
  ][0], var.region)

  own_certificate_authority = var.certificate_ocid == ""
  in_compartment            = "in compartment id ${var.compartment_ocid}"
  group_names               = { for name in setunion(local.roles, ["authority"]) : name => "${local.unique}-${name}" }
  group_rules               = { for role in local.roles : role => "ALL {instance.id = '${oci_core_instance.of[role].id}'}" }
  authority_rule            = "ALL {resource.type = 'certificateauthority', resource.compartment.id = '${var.compartment_ocid}'}"

  # Each role reads its own secrets and no others, and has its own bucket.
  role_secrets = { for role in local.roles : role => distinct([
    for key, value in local.metadata[role] : value if endswith(key, "_secret")
  ]) }
  role_buckets = { mlflow = "artifacts", airflow = "dags" }
  role_statements = { for role in local.roles : role => concat(
    ["allow dynamic-group ${local.group_names[role]} to read secret-bundles ${local.in_compartment} where any {${join(", ", [for id in local.role_secrets[role] : "target.secret.id = '${id}'"])}}"],
    [for bucket in compact([lookup(local.role_buckets, role, "")]) : "allow dynamic-group ${local.group_names[role]} to read buckets ${local.in_compartment} where target.bucket.name = '${oci_objectstorage_bucket.of[bucket].name}'"],
    [for bucket in compact([lookup(local.role_buckets, role, "")]) : "allow dynamic-group ${local.group_names[role]} to manage objects ${local.in_compartment} where target.bucket.name = '${oci_objectstorage_bucket.of[bucket].name}'"],
  ) }
  lifecycle_statements = ["allow service objectstorage-${var.region} to manage object-family ${local.in_compartment}"]
  authority_statements = ["allow dynamic-group ${local.group_names["authority"]} to use keys ${local.in_compartment}"]
}

resource "oci_identity_dynamic_group" "role" {
  for_each       = var.create_iam ? local.roles : toset([])
  provider       = oci.home
  compartment_id = var.tenancy_ocid
  name           = local.group_names[each.key]
  description    = "The ${each.key} machine of the stack ${var.name}"
  matching_rule  = local.group_rules[each.key]
  freeform_tags  = local.tags
}

resource "oci_identity_policy" "role" {
  for_each       = var.create_iam ? local.roles : toset([])
  provider       = oci.home
  compartment_id = var.compartment_ocid
  name           = local.group_names[each.key]
  description    = "What the ${each.key} machine of the stack ${var.name} may do"
  statements     = local.role_statements[each.key]
  freeform_tags  = local.tags

  depends_on = [oci_identity_dynamic_group.role]
}

resource "oci_identity_policy" "lifecycle" {
  count          = var.create_iam ? 1 : 0
  provider       = oci.home
  compartment_id = var.compartment_ocid
  name           = "${local.unique}-lifecycle"
  description    = "Object Storage deletes what the lifecycle rules of the stack ${var.name} name"
  statements     = local.lifecycle_statements
  freeform_tags  = local.tags
}

resource "oci_identity_dynamic_group" "authority" {
  count          = var.create_iam && local.own_certificate_authority ? 1 : 0
  provider       = oci.home
  compartment_id = var.tenancy_ocid
  name           = local.group_names["authority"]
  description    = "Certificate authorities in the compartment of the stack ${var.name}"
  matching_rule  = local.authority_rule
  freeform_tags  = local.tags
}

resource "oci_identity_policy" "authority" {
  count          = var.create_iam && local.own_certificate_authority ? 1 : 0
  provider       = oci.home
  compartment_id = var.compartment_ocid
  name           = local.group_names["authority"]
  description    = "The certificate authority of the stack ${var.name} signs with its key"
  statements     = local.authority_statements
  freeform_tags  = local.tags

  depends_on = [oci_identity_dynamic_group.authority]
}
