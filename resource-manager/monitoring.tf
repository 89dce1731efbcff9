locals {
  instance_ids = join("|", [for role in sort(local.roles) : oci_core_instance.of[role].id])
  alarms = {
    instance-cpu = {
      namespace = "oci_computeagent", severity = "WARNING", pending = "PT15M"
      query     = "CpuUtilization[5m]{resourceId =~ \"${local.instance_ids}\"}.mean() > 90"
      body      = "A machine has been busy for 15 minutes. Remedy: look at its processes, or give it more OCPUs."
    }
    instance-memory = {
      namespace = "oci_computeagent", severity = "CRITICAL", pending = "PT10M"
      query     = "MemoryUtilization[5m]{resourceId =~ \"${local.instance_ids}\"}.mean() > 90"
      body      = "A machine has little memory left. Remedy: give it more memory."
    }
    database-cpu = {
      namespace = "oci_mysql_database", severity = "WARNING", pending = "PT15M"
      query     = "CPUUtilization[5m]{resourceId = \"${oci_mysql_mysql_db_system.this.id}\"}.mean() > 90"
      body      = "The DB system has been busy for 15 minutes. Remedy: choose a bigger shape."
    }
    balancer-backends = {
      namespace = "oci_lbaas", severity = "CRITICAL", pending = "PT5M"
      query     = "UnHealthyBackendServers[1m]{resourceId = \"${oci_load_balancer_load_balancer.public.id}\"}.max() > 0"
      body      = "A service does not answer its health check. Remedy: docs/deploy.md, Troubleshooting."
    }
  }
}

resource "oci_ons_notification_topic" "alarms" {
  compartment_id = var.compartment_ocid
  name           = "${local.unique}-alarms"
  freeform_tags  = local.tags
}

# Pending until its receiver confirms.
resource "oci_ons_subscription" "email" {
  count          = var.alarm_email == "" ? 0 : 1
  compartment_id = var.compartment_ocid
  topic_id       = oci_ons_notification_topic.alarms.id
  protocol       = "EMAIL"
  endpoint       = var.alarm_email
  freeform_tags  = local.tags
}

resource "oci_monitoring_alarm" "of" {
  for_each              = local.alarms
  compartment_id        = var.compartment_ocid
  metric_compartment_id = var.compartment_ocid
  display_name          = "${var.name}-${each.key}"
  namespace             = each.value.namespace
  query                 = each.value.query
  severity              = each.value.severity
  pending_duration      = each.value.pending
  body                  = each.value.body
  destinations          = [oci_ons_notification_topic.alarms.id]
  is_enabled            = true
  freeform_tags         = local.tags
}
