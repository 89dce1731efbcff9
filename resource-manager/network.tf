locals {
  own_network = var.vcn_ocid == ""
  vcn_id      = local.own_network ? oci_core_vcn.own[0].id : var.vcn_ocid
  subnet_ids = {
    public   = local.own_network ? oci_core_subnet.own["public"].id : var.public_subnet_ocid
    services = local.own_network ? oci_core_subnet.own["services"].id : var.private_subnet_ocid
    database = local.own_network ? oci_core_subnet.own["database"].id : var.private_subnet_ocid
  }

  # Names inside the network are known before anything has them, so nobody waits for anybody.
  vcn_label = local.own_network ? "mlops" : try(data.oci_core_vcn.existing[0].dns_label, "")
  labels = {
    services = local.own_network ? "services" : try(data.oci_core_subnet.existing["private"].dns_label, "")
    database = local.own_network ? "database" : try(data.oci_core_subnet.existing["private"].dns_label, "")
  }
  domains = { for name, label in local.labels : name => "${label}.${local.vcn_label}.oraclevcn.com" }

  subnets = { for number, name in ["public", "services", "database"] : name => {
    cidr = cidrsubnet(var.vcn_cidr, 8, number), private = name != "public"
  } if local.own_network }
}

data "oci_core_vcn" "existing" {
  count  = local.own_network ? 0 : 1
  vcn_id = var.vcn_ocid

  lifecycle {
    precondition {
      condition     = var.public_subnet_ocid != "" && var.private_subnet_ocid != ""
      error_message = "vcn_ocid is given without public_subnet_ocid and private_subnet_ocid: both are expected. Remedy: choose a public and a private subnet of that VCN."
    }
    postcondition {
      condition     = try(length(self.dns_label), 0) > 0
      error_message = "The VCN of vcn_ocid has no DNS label: one is expected, the machines find each other by name. Remedy: choose a VCN that has one."
    }
  }
}

data "oci_core_subnet" "existing" {
  for_each  = { for name, id in { public = var.public_subnet_ocid, private = var.private_subnet_ocid } : name => id if !local.own_network && id != "" }
  subnet_id = each.value

  lifecycle {
    postcondition {
      condition     = self.vcn_id == var.vcn_ocid
      error_message = "${each.key}_subnet_ocid is in another VCN: a subnet of vcn_ocid is expected. Remedy: choose one of that VCN."
    }
    postcondition {
      condition     = self.prohibit_public_ip_on_vnic == (each.key == "private")
      error_message = "${each.key}_subnet_ocid is no ${each.key} subnet: one is expected. Remedy: choose another subnet."
    }
    postcondition {
      condition     = each.key == "public" || try(length(self.dns_label), 0) > 0
      error_message = "The subnet of private_subnet_ocid has no DNS label: one is expected. Remedy: choose a subnet that has one."
    }
  }
}

data "oci_core_services" "all" {
  filter {
    name   = "name"
    values = ["All .* Services In Oracle Services Network"]
    regex  = true
  }
}

resource "oci_core_vcn" "own" {
  count          = local.own_network ? 1 : 0
  compartment_id = var.compartment_ocid
  display_name   = var.name
  cidr_blocks    = [var.vcn_cidr]
  dns_label      = local.vcn_label
  freeform_tags  = local.tags

  lifecycle {
    # Other addresses would be other subnets, and so another DB system.
    ignore_changes = [cidr_blocks]
  }
}

resource "oci_core_internet_gateway" "own" {
  count          = local.own_network ? 1 : 0
  compartment_id = var.compartment_ocid
  vcn_id         = local.vcn_id
  display_name   = "${var.name}-internet"
  freeform_tags  = local.tags
}

resource "oci_core_nat_gateway" "own" {
  count          = local.own_network ? 1 : 0
  compartment_id = var.compartment_ocid
  vcn_id         = local.vcn_id
  display_name   = "${var.name}-nat"
  freeform_tags  = local.tags
}

resource "oci_core_service_gateway" "own" {
  count          = local.own_network ? 1 : 0
  compartment_id = var.compartment_ocid
  vcn_id         = local.vcn_id
  display_name   = "${var.name}-services"
  freeform_tags  = local.tags

  services {
    service_id = data.oci_core_services.all.services[0].id
  }
}

resource "oci_core_route_table" "public" {
  count          = local.own_network ? 1 : 0
  compartment_id = var.compartment_ocid
  vcn_id         = local.vcn_id
  display_name   = "${var.name}-public"
  freeform_tags  = local.tags

  route_rules {
    network_entity_id = oci_core_internet_gateway.own[0].id
    destination       = "0.0.0.0/0"
    destination_type  = "CIDR_BLOCK"
  }
}

resource "oci_core_route_table" "private" {
  count          = local.own_network ? 1 : 0
  compartment_id = var.compartment_ocid
  vcn_id         = local.vcn_id
  display_name   = "${var.name}-private"
  freeform_tags  = local.tags

  route_rules {
    network_entity_id = oci_core_nat_gateway.own[0].id
    destination       = "0.0.0.0/0"
    destination_type  = "CIDR_BLOCK"
  }
  route_rules {
    network_entity_id = oci_core_service_gateway.own[0].id
    destination       = data.oci_core_services.all.services[0].cidr_block
    destination_type  = "SERVICE_CIDR_BLOCK"
  }
}

# Without rules: the security groups alone say who may talk to whom.
resource "oci_core_default_security_list" "empty" {
  count                      = local.own_network ? 1 : 0
  manage_default_resource_id = oci_core_vcn.own[0].default_security_list_id
  compartment_id             = var.compartment_ocid
  freeform_tags              = local.tags
}

resource "oci_core_subnet" "own" {
  for_each                   = local.subnets
  compartment_id             = var.compartment_ocid
  vcn_id                     = local.vcn_id
  display_name               = "${var.name}-${each.key}"
  cidr_block                 = each.value.cidr
  dns_label                  = each.key
  prohibit_public_ip_on_vnic = each.value.private
  prohibit_internet_ingress  = each.value.private
  route_table_id             = each.value.private ? oci_core_route_table.private[0].id : oci_core_route_table.public[0].id
  security_list_ids          = [oci_core_vcn.own[0].default_security_list_id]
  freeform_tags              = local.tags

  lifecycle {
    ignore_changes = [cidr_block]
  }

  depends_on = [oci_core_default_security_list.empty]
}
