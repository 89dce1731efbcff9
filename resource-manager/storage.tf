data "oci_objectstorage_namespace" "this" {
  compartment_id = var.compartment_ocid
}

locals {
  namespace = data.oci_objectstorage_namespace.this.namespace
  dags      = fileset(path.module, "dags/**/*.py")
}

resource "oci_objectstorage_bucket" "of" {
  for_each       = toset(["artifacts", "dags"])
  compartment_id = var.compartment_ocid
  namespace      = local.namespace
  name           = "${local.unique}-${each.key}"
  access_type    = "NoPublicAccess"
  versioning     = "Enabled"
  freeform_tags  = local.tags

  lifecycle {
    ignore_changes = [name]
  }
}

resource "oci_objectstorage_object_lifecycle_policy" "of" {
  for_each  = oci_objectstorage_bucket.of
  namespace = local.namespace
  bucket    = each.value.name

  rules {
    name        = "old-versions"
    action      = "DELETE"
    target      = "previous-object-versions"
    is_enabled  = true
    time_amount = tostring(var.keep_old_versions_in_days)
    time_unit   = "DAYS"
  }
  rules {
    name        = "unfinished-uploads"
    action      = "ABORT"
    target      = "multipart-uploads"
    is_enabled  = true
    time_amount = "7"
    time_unit   = "DAYS"
  }
  dynamic "rules" {
    for_each = each.key == "dags" ? ["logs/"] : []
    content {
      name        = "task-logs"
      action      = "DELETE"
      target      = "objects"
      is_enabled  = true
      time_amount = tostring(var.keep_task_logs_in_days)
      time_unit   = "DAYS"

      object_name_filter {
        inclusion_prefixes = [rules.value]
      }
    }
  }

  # The service may delete objects only once the policy lets it, and a new policy takes a while to be known
  # everywhere. Nothing here is urgent, and the DB system takes longer than that.
  depends_on = [oci_identity_policy.lifecycle, oci_mysql_mysql_db_system.this]
}

# The DAGs of this release. What people add beside them is not Terraform's and stays as it is.
resource "oci_objectstorage_object" "dag" {
  for_each                   = local.dags
  namespace                  = local.namespace
  bucket                     = oci_objectstorage_bucket.of["dags"].name
  object                     = each.value
  content                    = file("${path.module}/${each.value}")
  content_type               = "text/x-python"
  delete_all_object_versions = true

  depends_on = [terraform_data.purge]
}

# The provider cannot empty a bucket. Where purging is asked for, Resource Manager's own OCI CLI does it,
# after the machines that write are gone and before the bucket goes.
# It is there in both cases: made only where it is asked for, it would purge when it is asked for no more.
resource "terraform_data" "purge" {
  for_each = oci_objectstorage_bucket.of
  input = {
    at_destroy = var.buckets_at_destroy, bucket = each.value.name, namespace = local.namespace, region = var.region
  }

  provisioner "local-exec" {
    when    = destroy
    command = "[ '${self.output.at_destroy}' = keep ] || oci os object bulk-delete-versions --force --bucket-name '${self.output.bucket}' --namespace '${self.output.namespace}' --region '${self.output.region}'"
  }
}
