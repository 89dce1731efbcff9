locals {
  tags = {
    project = "mlops"
    stack   = var.name
    release = local.release.version
    commit  = local.release.commit
  }

  # The zip says which release it is; a checkout does not.
  release = (fileexists("${path.module}/release.json")
    ? jsondecode(file("${path.module}/release.json"))
  : { version = "unreleased", commit = "unreleased" })

  roles = toset(["mlflow", "airflow", "serving"])

  # What the load balancer listens on, and who answers.
  services = {
    mlflow    = { role = "mlflow", port = 5000, public_port = 5000, health = "/health" }
    airflow   = { role = "airflow", port = 8080, public_port = 8080, health = "/api/v2/monitor/health" }
    fastapi   = { role = "serving", port = 8000, public_port = 8000, health = "/healthz" }
    streamlit = { role = "serving", port = 8501, public_port = 8501, health = "/_stcore/health" }
    page      = { role = "serving", port = 8081, public_port = 443, health = "/healthz" }
  }

  sizes = {
    small = {
      shape = "VM.Standard.E4.Flex", ocpus = 1, memory = 8, boot_volume = 50
      mysql = "MySQL.2", mysql_storage = 50, bandwidth = 10
    }
    standard = {
      shape = "VM.Standard.E5.Flex", ocpus = 2, memory = 16, boot_volume = 50
      mysql = "MySQL.4", mysql_storage = 100, bandwidth = 100
    }
    free = {
      shape = "VM.Standard.A1.Flex", ocpus = 1, memory = 4, boot_volume = 50
      mysql = "MySQL.Free", mysql_storage = 50, bandwidth = 10
    }
    custom = {
      shape         = var.instance_shape, ocpus = var.instance_ocpus, memory = var.instance_memory_in_gbs
      boot_volume   = var.boot_volume_size_in_gbs, mysql = var.mysql_shape
      mysql_storage = var.mysql_storage_size_in_gbs, bandwidth = var.load_balancer_bandwidth_in_mbps
    }
  }
  size = local.sizes[var.size]

  unique = terraform_data.unique.output

  public_host = (var.public_host_name != "" ? var.public_host_name
  : oci_load_balancer_load_balancer.public.ip_address_details[0].ip_address)
}

# Names of deleted secrets stay reserved, so each life of the stack has names of its own. They are kept
# when the stack is renamed: a secret or bucket with another name would be another one.
resource "terraform_data" "unique" {
  input = "${var.name}-${substr(replace(uuid(), "-", ""), 0, 8)}"

  lifecycle {
    ignore_changes = [input]
  }
}
