resource "oci_bastion_bastion" "this" {
  count                        = var.create_bastion ? 1 : 0
  bastion_type                 = "STANDARD"
  compartment_id               = var.compartment_ocid
  name                         = replace(local.unique, "-", "")
  target_subnet_id             = local.subnet_ids.services
  client_cidr_block_allow_list = var.allowed_cidrs
  max_session_ttl_in_seconds   = 10800
  freeform_tags                = local.tags
}
