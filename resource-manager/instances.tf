locals {
  hosts = { for role in local.roles : role => "${role}.${local.domains.services}" }
  addresses = join(",", concat(
    [for role in ["mlflow", "airflow", "serving"] : "${role}=${local.hosts[role]}"],
    ["public=${local.public_host}"],
  ))
  database_host = "db.${local.domains.database}"
  bucket        = { for name, bucket in oci_objectstorage_bucket.of : name => "${bucket.name}@${local.namespace}" }

  # The contract of services/boot, role by role: nothing else is told to a machine.
  metadata = {
    mlflow = {
      mlops_addresses             = local.addresses
      mlops_database_host         = local.database_host
      mlops_database_admin_secret = local.secret_ids["database-admin"]
      mlops_admin_secret          = local.secret_ids["mlflow-admin"]
      mlops_airflow_secret        = local.secret_ids["mlflow-airflow"]
      mlops_model_server_secret   = local.secret_ids["mlflow-model-server"]
      mlops_dashboard_secret      = local.secret_ids["mlflow-dashboard"]
      mlops_bucket                = local.bucket.artifacts
    }
    airflow = {
      mlops_addresses               = local.addresses
      mlops_database_host           = local.database_host
      mlops_database_admin_secret   = local.secret_ids["database-admin"]
      mlops_admin_secret            = local.secret_ids["airflow-admin"]
      mlops_keys_secret             = local.secret_ids["airflow-keys"]
      mlops_mlflow_secret           = local.secret_ids["mlflow-airflow"]
      mlops_model_server_key_secret = local.secret_ids["model-server-airflow"]
      mlops_bucket                  = local.bucket.dags
    }
    serving = {
      mlops_addresses                 = local.addresses
      mlops_model_server_secret       = local.secret_ids["mlflow-model-server"]
      mlops_dashboard_secret          = local.secret_ids["mlflow-dashboard"]
      mlops_airflow_key_secret        = local.secret_ids["model-server-airflow"]
      mlops_dashboard_key_secret      = local.secret_ids["model-server-dashboard"]
      mlops_prediction_api_key_secret = local.secret_ids["model-server-prediction-api"]
      mlops_clients_key_secret        = local.secret_ids["model-server-clients"]
    }
  }
}

# Nothing here waits for the DB system: first boot does, with its own patience.
resource "oci_core_instance" "of" {
  for_each                            = local.roles
  compartment_id                      = var.compartment_ocid
  availability_domain                 = terraform_data.placement.output
  display_name                        = "${var.name}-${each.key}"
  shape                               = local.size.shape
  metadata                            = local.metadata[each.key]
  is_pv_encryption_in_transit_enabled = true
  freeform_tags                       = merge(local.tags, { role = each.key })

  shape_config {
    ocpus         = local.size.ocpus
    memory_in_gbs = local.size.memory
  }

  # All state is in MySQL and the buckets, so another image may replace the boot volume.
  source_details {
    source_type             = "image"
    source_id               = local.image_ids[each.key]
    boot_volume_size_in_gbs = tostring(local.size.boot_volume)
  }

  create_vnic_details {
    subnet_id        = local.subnet_ids.services
    nsg_ids          = [oci_core_network_security_group.of[each.key].id]
    assign_public_ip = "false"
    hostname_label   = each.key
  }

  instance_options {
    are_legacy_imds_endpoints_disabled = true
  }

  availability_config {
    recovery_action = "RESTORE_INSTANCE"
  }

  agent_config {
    plugins_config {
      name          = "Bastion"
      desired_state = var.create_bastion ? "ENABLED" : "DISABLED"
    }
    plugins_config {
      name          = "Compute Instance Monitoring"
      desired_state = "ENABLED"
    }
  }

  lifecycle {
    precondition {
      condition     = contains(local.suitable_domains, terraform_data.placement.output)
      error_message = "The instances are in ${terraform_data.placement.output}, which does not offer ${local.size.shape}: a shape of that availability domain is expected. Remedy: choose another size, or an availability_domain that offers it (the instances are then replaced)."
    }
    precondition {
      condition     = local.image_ids[each.key] != ""
      error_message = "No image for ${each.key} on ${local.size.shape} with image_source \"${var.image_source}\": one is expected. Remedy: bake it (make image ROLE=${each.key}), or give ${each.key}_image_url or ${each.key}_image_ocid and choose the image_source to match."
    }
  }

  # At destroy the machines go first: nothing writes into a bucket that is being emptied.
  depends_on = [terraform_data.purge]
}
