# A machine of our own, reached over SSH: `make image-local ROLE=…` boots it (machine.py).

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
  type = string
}

variable "ssh_port" {
  type = number
}

source "null" "machine" {
  ssh_host             = "127.0.0.1"
  ssh_port             = var.ssh_port
  ssh_username         = "root"
  ssh_private_key_file = var.ssh_key
  ssh_timeout          = "2m"
}

build {
  sources = ["source.null.machine"]

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
