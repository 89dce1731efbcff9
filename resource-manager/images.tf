# Newest first. The shape leaves out images of another architecture.
data "oci_core_images" "golden" {
  count          = var.image_source == "newest" ? 1 : 0
  compartment_id = coalesce(var.image_compartment_ocid, var.compartment_ocid)
  shape          = local.size.shape
  state          = "AVAILABLE"
  sort_by        = "TIMECREATED"
  sort_order     = "DESC"
}

locals {
  image_urls  = { mlflow = var.mlflow_image_url, airflow = var.airflow_image_url, serving = var.serving_image_url }
  image_ocids = { mlflow = var.mlflow_image_ocid, airflow = var.airflow_image_ocid, serving = var.serving_image_ocid }

  # Named and tagged by the bake.
  golden_images = { for role in local.roles : role => [
    for image in try(data.oci_core_images.golden[0].images, []) : image.id
    if startswith(image.display_name, "mlops-${role}-") && lookup(image.freeform_tags, "role", "") == role
  ] }
  image_ids = { for role in local.roles : role => (
    var.image_source == "ocid" ? local.image_ocids[role]
    : var.image_source == "url" ? oci_core_image.imported[role].id
    : try(local.golden_images[role][0], "")
  ) }
}

resource "oci_core_image" "imported" {
  for_each       = var.image_source == "url" ? local.roles : toset([])
  compartment_id = var.compartment_ocid
  display_name   = "mlops-${each.key}-${local.unique}"
  launch_mode    = "PARAVIRTUALIZED"
  freeform_tags  = merge(local.tags, { role = each.key })

  image_source_details {
    source_type              = "objectStorageUri"
    source_uri               = local.image_urls[each.key]
    source_image_type        = "QCOW2"
    operating_system         = "Oracle Linux"
    operating_system_version = "8"
  }

  lifecycle {
    precondition {
      condition     = local.image_urls[each.key] != ""
      error_message = "${each.key}_image_url is empty: the address of an image is expected. Remedy: give it, or choose another image_source."
    }
  }
}
