resource "oci_load_balancer_load_balancer" "public" {
  compartment_id             = var.compartment_ocid
  display_name               = var.name
  shape                      = "flexible"
  subnet_ids                 = [local.subnet_ids.public]
  network_security_group_ids = [oci_core_network_security_group.of["balancer"].id]
  is_private                 = false
  freeform_tags              = local.tags

  shape_details {
    minimum_bandwidth_in_mbps = 10
    maximum_bandwidth_in_mbps = local.size.bandwidth
  }
}

resource "oci_load_balancer_backend_set" "of" {
  for_each         = local.services
  load_balancer_id = oci_load_balancer_load_balancer.public.id
  name             = each.key
  policy           = "ROUND_ROBIN"

  health_checker {
    protocol          = "HTTP"
    port              = each.value.port
    url_path          = each.value.health
    return_code       = 200
    interval_ms       = 10000
    timeout_in_millis = 5000
    retries           = 3
  }
}

resource "oci_load_balancer_backend" "of" {
  for_each         = local.services
  load_balancer_id = oci_load_balancer_load_balancer.public.id
  backendset_name  = oci_load_balancer_backend_set.of[each.key].name
  ip_address       = oci_core_instance.of[each.value.role].private_ip
  port             = each.value.port
}

resource "oci_load_balancer_listener" "of" {
  for_each                 = local.services
  load_balancer_id         = oci_load_balancer_load_balancer.public.id
  name                     = each.key
  port                     = each.value.public_port
  protocol                 = "HTTP"
  default_backend_set_name = oci_load_balancer_backend_set.of[each.key].name

  # The dashboard's websocket may be silent for long, and so may a big upload.
  connection_configuration {
    idle_timeout_in_seconds = "3600"
  }

  ssl_configuration {
    certificate_ids         = [local.certificate_id]
    protocols               = ["TLSv1.2"]
    cipher_suite_name       = "oci-modern-ssl-cipher-suite-v1"
    verify_peer_certificate = false
  }
}
