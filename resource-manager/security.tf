locals {
  groups = toset(["balancer", "mlflow", "airflow", "serving", "database"])

  # Every connection that there is between two groups; each makes a rule on either side.
  flows = merge(
    { for name, service in local.services : "balancer-${name}" => { from = "balancer", to = service.role, port = service.port } },
    {
      airflow-tracking  = { from = "airflow", to = "mlflow", port = 5000 }
      serving-tracking  = { from = "serving", to = "mlflow", port = 5000 }
      airflow-models    = { from = "airflow", to = "serving", port = 8000 }
      dashboard-airflow = { from = "serving", to = "airflow", port = 8080 }
      mlflow-database   = { from = "mlflow", to = "database", port = 3306 }
      airflow-database  = { from = "airflow", to = "database", port = 3306 }
    },
  )
  entrances = merge([for cidr in var.allowed_cidrs : {
    for name, service in local.services : "${name} ${cidr}" => { cidr = cidr, port = service.public_port }
  }]...)
}

resource "oci_core_network_security_group" "of" {
  for_each       = local.groups
  compartment_id = var.compartment_ocid
  vcn_id         = local.vcn_id
  display_name   = "${var.name}-${each.key}"
  freeform_tags  = local.tags
}

resource "oci_core_network_security_group_security_rule" "entrance" {
  for_each                  = local.entrances
  network_security_group_id = oci_core_network_security_group.of["balancer"].id
  direction                 = "INGRESS"
  protocol                  = "6"
  source_type               = "CIDR_BLOCK"
  source                    = each.value.cidr

  tcp_options {
    destination_port_range {
      min = each.value.port
      max = each.value.port
    }
  }
}

resource "oci_core_network_security_group_security_rule" "out" {
  for_each                  = local.flows
  network_security_group_id = oci_core_network_security_group.of[each.value.from].id
  direction                 = "EGRESS"
  protocol                  = "6"
  destination_type          = "NETWORK_SECURITY_GROUP"
  destination               = oci_core_network_security_group.of[each.value.to].id

  tcp_options {
    destination_port_range {
      min = each.value.port
      max = each.value.port
    }
  }
}

resource "oci_core_network_security_group_security_rule" "in" {
  for_each                  = local.flows
  network_security_group_id = oci_core_network_security_group.of[each.value.to].id
  direction                 = "INGRESS"
  protocol                  = "6"
  source_type               = "NETWORK_SECURITY_GROUP"
  source                    = oci_core_network_security_group.of[each.value.from].id

  tcp_options {
    destination_port_range {
      min = each.value.port
      max = each.value.port
    }
  }
}

# Vault, Object Storage, Monitoring and the rest of Oracle's own services.
resource "oci_core_network_security_group_security_rule" "oracle" {
  for_each                  = local.roles
  network_security_group_id = oci_core_network_security_group.of[each.key].id
  direction                 = "EGRESS"
  protocol                  = "6"
  destination_type          = "SERVICE_CIDR_BLOCK"
  destination               = data.oci_core_services.all.services[0].cidr_block

  tcp_options {
    destination_port_range {
      min = 443
      max = 443
    }
  }
}

# DAGs fetch data over HTTPS; nothing else may leave, and nothing comes in this way.
resource "oci_core_network_security_group_security_rule" "data" {
  count                     = var.dags_may_reach_internet ? 1 : 0
  network_security_group_id = oci_core_network_security_group.of["airflow"].id
  direction                 = "EGRESS"
  protocol                  = "6"
  destination_type          = "CIDR_BLOCK"
  destination               = "0.0.0.0/0"

  tcp_options {
    destination_port_range {
      min = 443
      max = 443
    }
  }
}

resource "oci_core_network_security_group_security_rule" "bastion" {
  for_each                  = var.create_bastion ? local.roles : toset([])
  network_security_group_id = oci_core_network_security_group.of[each.key].id
  direction                 = "INGRESS"
  protocol                  = "6"
  source_type               = "CIDR_BLOCK"
  source                    = "${oci_bastion_bastion.this[0].private_endpoint_ip_address}/32"

  tcp_options {
    destination_port_range {
      min = 22
      max = 22
    }
  }
}
