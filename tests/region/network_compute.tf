terraform {
  required_providers {
    oci = {
      source = "oracle/oci"
    }
  }
}

variable "tenancy" {
  type = string
}

variable "compartment" {
  type = string
}

variable "certificate" {
  type = string
}

variable "greeting" {
  type    = string
  default = "hello"
}

provider "oci" {}

data "oci_identity_tenancy" "this" {
  tenancy_id = var.tenancy
}

data "oci_identity_regions" "home" {
  filter {
    name   = "key"
    values = [data.oci_identity_tenancy.this.home_region_key]
  }
}

data "oci_identity_availability_domains" "all" {
  compartment_id = var.tenancy
}

data "oci_core_services" "all" {
  filter {
    name   = "name"
    values = ["All .* Services In Oracle Services Network"]
    regex  = true
  }
}

data "oci_core_images" "golden" {
  compartment_id = var.compartment
  display_name   = "golden"
  state          = "AVAILABLE"
  sort_by        = "TIMECREATED"
  sort_order     = "DESC"
}

data "oci_core_shapes" "first" {
  compartment_id      = var.compartment
  availability_domain = data.oci_identity_availability_domains.all.availability_domains[0].name
}

resource "oci_core_vcn" "this" {
  compartment_id = var.compartment
  cidr_blocks    = ["10.0.0.0/16"]
  display_name   = "vcn"
  dns_label      = "sim"
  freeform_tags  = { project = "test" }
}

resource "oci_core_internet_gateway" "this" {
  compartment_id = var.compartment
  vcn_id         = oci_core_vcn.this.id
}

resource "oci_core_nat_gateway" "this" {
  compartment_id = var.compartment
  vcn_id         = oci_core_vcn.this.id
}

resource "oci_core_service_gateway" "this" {
  compartment_id = var.compartment
  vcn_id         = oci_core_vcn.this.id

  services {
    service_id = data.oci_core_services.all.services[0].id
  }
}

resource "oci_core_route_table" "public" {
  compartment_id = var.compartment
  vcn_id         = oci_core_vcn.this.id

  route_rules {
    destination       = "0.0.0.0/0"
    network_entity_id = oci_core_internet_gateway.this.id
  }
}

resource "oci_core_route_table" "private" {
  compartment_id = var.compartment
  vcn_id         = oci_core_vcn.this.id

  route_rules {
    destination       = "0.0.0.0/0"
    network_entity_id = oci_core_nat_gateway.this.id
  }

  route_rules {
    destination       = data.oci_core_services.all.services[0].cidr_block
    destination_type  = "SERVICE_CIDR_BLOCK"
    network_entity_id = oci_core_service_gateway.this.id
  }
}

resource "oci_core_default_security_list" "this" {
  manage_default_resource_id = oci_core_vcn.this.default_security_list_id
}

resource "oci_core_subnet" "public" {
  compartment_id = var.compartment
  vcn_id         = oci_core_vcn.this.id
  cidr_block     = "10.0.0.0/24"
  dns_label      = "pub"
  route_table_id = oci_core_route_table.public.id
}

resource "oci_core_subnet" "private" {
  compartment_id             = var.compartment
  vcn_id                     = oci_core_vcn.this.id
  cidr_block                 = "10.0.1.0/24"
  dns_label                  = "app"
  route_table_id             = oci_core_route_table.private.id
  prohibit_public_ip_on_vnic = true
}

resource "oci_core_network_security_group" "balancer" {
  compartment_id = var.compartment
  vcn_id         = oci_core_vcn.this.id
  display_name   = "balancer"
}

resource "oci_core_network_security_group" "app" {
  compartment_id = var.compartment
  vcn_id         = oci_core_vcn.this.id
  display_name   = "app"
}

resource "oci_core_network_security_group_security_rule" "app" {
  network_security_group_id = oci_core_network_security_group.app.id
  direction                 = "INGRESS"
  protocol                  = "6"
  source                    = oci_core_network_security_group.balancer.id
  source_type               = "NETWORK_SECURITY_GROUP"

  tcp_options {
    destination_port_range {
      min = 5000
      max = 5000
    }
  }
}

resource "oci_core_network_security_group_security_rule" "out" {
  network_security_group_id = oci_core_network_security_group.app.id
  direction                 = "EGRESS"
  protocol                  = "all"
  destination               = "0.0.0.0/0"
  destination_type          = "CIDR_BLOCK"
}

resource "oci_core_instance" "app" {
  compartment_id      = var.compartment
  availability_domain = data.oci_identity_availability_domains.all.availability_domains[0].name
  display_name        = "app"
  shape               = data.oci_core_shapes.first.shapes[0].name
  metadata            = { greeting = var.greeting }

  shape_config {
    ocpus         = 1
    memory_in_gbs = 8
  }

  create_vnic_details {
    subnet_id        = oci_core_subnet.private.id
    assign_public_ip = false
    hostname_label   = "app"
    nsg_ids          = [oci_core_network_security_group.app.id]
  }

  source_details {
    source_type             = "image"
    source_id               = data.oci_core_images.golden.images[0].id
    boot_volume_size_in_gbs = 50
  }

  instance_options {
    are_legacy_imds_endpoints_disabled = true
  }

  agent_config {
    plugins_config {
      name          = "Bastion"
      desired_state = "ENABLED"
    }
  }

  availability_config {
    recovery_action = "RESTORE_INSTANCE"
  }
}

resource "oci_load_balancer_load_balancer" "this" {
  compartment_id             = var.compartment
  display_name               = "balancer"
  shape                      = "flexible"
  subnet_ids                 = [oci_core_subnet.public.id]
  network_security_group_ids = [oci_core_network_security_group.balancer.id]

  shape_details {
    minimum_bandwidth_in_mbps = 10
    maximum_bandwidth_in_mbps = 10
  }
}

resource "oci_load_balancer_backend_set" "app" {
  load_balancer_id = oci_load_balancer_load_balancer.this.id
  name             = "app"
  policy           = "ROUND_ROBIN"

  health_checker {
    protocol = "HTTP"
    url_path = "/health"
    port     = 5000
  }
}

resource "oci_load_balancer_backend" "app" {
  load_balancer_id = oci_load_balancer_load_balancer.this.id
  backendset_name  = oci_load_balancer_backend_set.app.name
  ip_address       = oci_core_instance.app.private_ip
  port             = 5000
}

resource "oci_load_balancer_listener" "app" {
  load_balancer_id         = oci_load_balancer_load_balancer.this.id
  name                     = "app"
  default_backend_set_name = oci_load_balancer_backend_set.app.name
  port                     = 5000
  protocol                 = "HTTP"

  connection_configuration {
    idle_timeout_in_seconds = 300
  }

  ssl_configuration {
    certificate_ids         = [var.certificate]
    verify_peer_certificate = false
  }
}

resource "oci_bastion_bastion" "this" {
  bastion_type                 = "STANDARD"
  compartment_id               = var.compartment
  target_subnet_id             = oci_core_subnet.private.id
  client_cidr_block_allow_list = ["192.0.2.0/24"]
  name                         = "bastion"
}

resource "oci_identity_dynamic_group" "app" {
  compartment_id = var.tenancy
  name           = "app"
  description    = "The machines of this compartment"
  matching_rule  = "ALL {instance.compartment.id = '${var.compartment}'}"
}

resource "oci_identity_policy" "app" {
  compartment_id = var.compartment
  name           = "app"
  description    = "What the machines may do"
  statements = [
    "Allow dynamic-group ${oci_identity_dynamic_group.app.name} to read buckets in compartment id ${var.compartment}",
  ]
}

output "region" {
  value = data.oci_identity_regions.home.regions[0].name
}

output "address" {
  value = oci_load_balancer_load_balancer.this.ip_address_details[0].ip_address
}

output "instance" {
  value = oci_core_instance.app.id
}
