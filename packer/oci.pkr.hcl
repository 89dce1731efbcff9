# An image in a tenancy: `make image ROLE=…`. The same provisioners as in local.pkr.hcl, which a test sees to.

packer {
  required_version = ">= 1.10"
  required_plugins {
    oracle = {
      source  = "github.com/hashicorp/oracle"
      version = "~> 1.1"
    }
  }
}

variable "role" {
  type = string
}

variable "version" {
  type = string
}

variable "commit" {
  type = string
}

variable "lock" {
  type = string
}

variable "environment" {
  description = "NAME=value for the bake alone, such as the address of a package mirror."
  type        = list(string)
  default     = []
}

variable "ssh_key" {
  description = "The private key to log in with, made for this bake."
  type        = string
}

variable "config_file" {
  description = "The OCI configuration file with the credentials; ~/.oci/config if there is none."
  type        = string
  default     = null
}

variable "use_instance_principals" {
  description = "Bake from an instance, with its own rights in place of a configuration file."
  type        = bool
  default     = false
}

variable "compartment_ocid" {
  description = "Where the machine runs and the image is kept."
  type        = string
}

variable "subnet_ocid" {
  description = "A subnet from which packages can be reached, and that can be reached from here."
  type        = string
}

variable "availability_domain" {
  type = string
}

variable "use_private_ip" {
  description = "Reach the machine at its private address, from inside the network."
  type        = bool
  default     = false
}

variable "shape" {
  description = "VM.Standard.A1.Flex makes an image for aarch64."
  type        = string
  default     = "VM.Standard.E4.Flex"
}

variable "ocpus" {
  type    = number
  default = 2
}

variable "memory_in_gbs" {
  type    = number
  default = 16
}

source "oracle-oci" "machine" {
  access_cfg_file         = var.config_file
  use_instance_principals = var.use_instance_principals

  compartment_ocid    = var.compartment_ocid
  availability_domain = var.availability_domain
  subnet_ocid         = var.subnet_ocid
  use_private_ip      = var.use_private_ip
  shape               = var.shape

  shape_config {
    ocpus         = var.ocpus
    memory_in_gbs = var.memory_in_gbs
  }

  # The newest of Oracle's own that runs on the shape, so also of the shape's architecture: images that were
  # baked in the compartment are of the same system, and newer.
  base_image_filter {
    operating_system         = "Oracle Linux"
    operating_system_version = "8"
    shape                    = var.shape
    display_name_search      = "^Oracle-Linux-8\\.\\d+-(aarch64-)?\\d{4}"
  }

  instance_options_are_legacy_imds_endpoints_disabled = true

  ssh_username         = "opc"
  ssh_private_key_file = var.ssh_key

  image_name = "mlops-${var.role}-${var.version}-${substr(var.commit, 0, 12)}-${formatdate("YYYYMMDDhhmmss", timestamp())}"
  tags = {
    role    = var.role
    version = var.version
    commit  = var.commit
    lock    = var.lock
  }
}

build {
  sources = ["source.oracle-oci.machine"]

  provisioner "file" {
    source      = "${path.root}/../dist/images/${var.role}/source.tar"
    destination = "/tmp/source.tar"
  }

  provisioner "shell" {
    scripts          = ["${path.root}/provision/os", "${path.root}/provision/role"]
    environment_vars = concat(["ROLE=${var.role}"], var.environment)
    execute_command  = "chmod +x {{ .Path }}; sudo env {{ .Vars }} {{ .Path }}"
  }

  # An image that fails its specs is never made. They run from here: no test tool ever gets into it.
  provisioner "shell-local" {
    command = "python -m pytest --noconftest --quiet --tb=short --hosts=ssh://${build.User}@${build.Host}:${build.Port} --ssh-identity-file=${var.ssh_key} --ssh-config=${path.root}/ssh.config --sudo ${path.root}/../tests/images/baked.py"
  }

  provisioner "file" {
    direction   = "download"
    source      = "/opt/mlops/manifest.json"
    destination = "${path.root}/../dist/images/${var.role}/manifest.json"
  }

  provisioner "file" {
    direction   = "download"
    source      = "/opt/mlops/sbom.cdx.json"
    destination = "${path.root}/../dist/images/${var.role}/sbom.cdx.json"
  }

  provisioner "shell" {
    scripts         = ["${path.root}/provision/seal", "${path.root}/provision/hygiene"]
    execute_command = "chmod +x {{ .Path }}; sudo {{ .Path }}"
  }

  post-processor "manifest" {
    output     = "${path.root}/../dist/images/${var.role}/artifact.json"
    strip_path = true
  }
}
