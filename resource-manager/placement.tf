data "oci_identity_availability_domains" "all" {
  compartment_id = var.tenancy_ocid
}

data "oci_core_shapes" "offered" {
  for_each            = toset(data.oci_identity_availability_domains.all.availability_domains[*].name)
  compartment_id      = var.compartment_ocid
  availability_domain = each.value
}

locals {
  suitable_domains = [
    for domain in sort(keys(data.oci_core_shapes.offered)) : domain
    if contains(data.oci_core_shapes.offered[domain].shapes[*].name, local.size.shape)
  ]
  first_domain = coalesce(var.availability_domain, try(local.suitable_domains[0], null), "none")
}

# Kept from the first apply on: a shape that is offered elsewhere later must not move the instances.
resource "terraform_data" "placement" {
  input            = local.first_domain
  triggers_replace = var.availability_domain

  lifecycle {
    ignore_changes = [input]

    precondition {
      condition     = local.first_domain != "none"
      error_message = "No availability domain of ${var.region} offers ${local.size.shape}: one that does is expected. Remedy: choose another size, or another region."
    }
    precondition {
      condition     = var.availability_domain == "" || contains(local.suitable_domains, var.availability_domain)
      error_message = "availability_domain is \"${var.availability_domain}\": one that offers ${local.size.shape} is expected (${join(", ", local.suitable_domains)}). Remedy: choose one of these, or leave it empty."
    }
  }
}
