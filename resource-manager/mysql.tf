locals {
  free_mysql = local.size.mysql == "MySQL.Free"
}

resource "oci_mysql_mysql_db_system" "this" {
  compartment_id          = var.compartment_ocid
  availability_domain     = terraform_data.placement.output
  display_name            = var.name
  subnet_id               = local.subnet_ids.database
  nsg_ids                 = [oci_core_network_security_group.of["database"].id]
  hostname_label          = "db"
  shape_name              = local.size.mysql
  data_storage_size_in_gb = local.size.mysql_storage
  is_highly_available     = var.mysql_high_availability
  crash_recovery          = "ENABLED"
  admin_username          = "admin"
  freeform_tags           = local.tags

  # Terraform needs the value to pass it on, so the state holds it, here and in the secret. It is made
  # by chance, never typed, and in no output or log. See docs/deploy.md, "What the state holds".
  admin_password = base64decode(oci_vault_secret.database_admin.secret_content[0].content)

  data_storage {
    is_auto_expand_storage_enabled = !local.free_mysql
  }

  backup_policy {
    is_enabled        = true
    retention_in_days = local.free_mysql ? 1 : 7

    pitr_policy {
      is_enabled = !local.free_mysql
    }
  }

  deletion_policy {
    automatic_backup_retention = var.mysql_final_backup ? "RETAIN" : "DELETE"
    final_backup               = var.mysql_final_backup ? "REQUIRE_FINAL_BACKUP" : "SKIP_FINAL_BACKUP"
    is_delete_protected        = var.mysql_delete_protection
  }

  secure_connections {
    certificate_generation_type = "SYSTEM"
  }

  lifecycle {
    # A change of either would replace the DB system and lose its data.
    ignore_changes = [admin_password, availability_domain]

    precondition {
      condition     = !(local.free_mysql && var.mysql_high_availability)
      error_message = "mysql_high_availability is true with MySQL.Free: false is expected, it has one node. Remedy: choose another size, or turn high availability off."
    }
  }
}
