output "page_url" {
  description = "The web page: a form and its prediction"
  value       = "https://${local.public_host}"
}

output "dashboard_url" {
  description = "The dashboard: health, predictions, experiments, models; also named streamlit_url"
  value       = "https://${local.public_host}:8501"
}

output "streamlit_url" {
  description = "The same as dashboard_url"
  value       = "https://${local.public_host}:8501"
}

output "mlflow_url" {
  description = "MLflow: runs, artifacts, model registry"
  value       = "https://${local.public_host}:5000"
}

output "airflow_url" {
  description = "Airflow: DAGs, runs, logs"
  value       = "https://${local.public_host}:8080"
}

output "fastapi_url" {
  description = "The model server's HTTP API"
  value       = "https://${local.public_host}:8000/docs"
}

output "load_balancer_ip" {
  description = "Where a DNS record of your own points to"
  value       = oci_load_balancer_load_balancer.public.ip_address_details[0].ip_address
}

output "mlflow_admin_secret" {
  description = "The secret in Vault with the password of MLflow's user admin; the dashboard takes it, too"
  value       = local.secret_ids["mlflow-admin"]
}

output "airflow_admin_secret" {
  description = "The secret in Vault with the password of Airflow's user admin"
  value       = local.secret_ids["airflow-admin"]
}

output "model_server_key_secret" {
  description = "The secret in Vault with the key by which programs of yours ask the model server"
  value       = local.secret_ids["model-server-clients"]
}

output "secrets" {
  description = "Every secret of the stack, by what it is for"
  value       = local.secret_ids
}

output "certificate_authority_id" {
  description = "The authority whose certificate clients need to trust; empty with a certificate of your own"
  value       = local.own_certificate_authority ? oci_certificates_management_certificate_authority.own[0].id : ""
}

output "vcn_id" {
  description = "The VCN"
  value       = local.vcn_id
}

output "subnet_ids" {
  description = "The subnets, by what is in them"
  value       = local.subnet_ids
}

output "instance_ids" {
  description = "The machines, by role"
  value       = { for role, instance in oci_core_instance.of : role => instance.id }
}

output "instance_addresses" {
  description = "The private addresses of the machines, by role"
  value       = { for role, instance in oci_core_instance.of : role => instance.private_ip }
}

output "image_ids" {
  description = "The images that the machines run, by role"
  value       = local.image_ids
}

output "availability_domain" {
  description = "Where the machines are"
  value       = terraform_data.placement.output
}

output "mysql_endpoint" {
  description = "The host name of the DB system"
  value       = local.database_host
}

output "mysql_port" {
  description = "The port of the DB system"
  value       = 3306
}

output "artifacts_bucket" {
  description = "The bucket of MLflow's artifacts"
  value       = oci_objectstorage_bucket.of["artifacts"].name
}

output "dags_bucket" {
  description = "The bucket of DAGs (dags/) and task logs (logs/)"
  value       = oci_objectstorage_bucket.of["dags"].name
}

output "bucket_namespace" {
  description = "The tenancy's Object Storage namespace"
  value       = local.namespace
}

output "bastion_id" {
  description = "The bastion for logging in to the machines"
  value       = var.create_bastion ? oci_bastion_bastion.this[0].id : ""
}

output "alarm_topic_id" {
  description = "The topic that alarms go to"
  value       = oci_ons_notification_topic.alarms.id
}

output "iam_statements" {
  description = "What an administrator must grant where create_iam is false: groups with their rules, and statements"
  value = {
    dynamic_groups = merge(
      { for role, rule in local.group_rules : local.group_names[role] => rule },
      { for name, rule in { (local.group_names["authority"]) = local.authority_rule } : name => rule if local.own_certificate_authority },
    )
    statements = concat(
      flatten([for role in sort(local.roles) : local.role_statements[role]]),
      local.lifecycle_statements,
      local.own_certificate_authority ? local.authority_statements : [],
    )
  }
}

output "release" {
  description = "The release of the stack: its version and commit"
  value       = "${local.release.version} ${local.release.commit}"
}
