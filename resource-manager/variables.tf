variable "tenancy_ocid" {
  description = "The tenancy. Resource Manager fills it in."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.tenancy_ocid, "ocid1.tenancy.")
    error_message = "tenancy_ocid is ${jsonencode(var.tenancy_ocid)}: the OCID of a tenancy is expected (ocid1.tenancy.…). Remedy: copy it from the tenancy's page."
  }
}

variable "compartment_ocid" {
  description = "Where everything of the stack is created."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^ocid1\\.(compartment|tenancy)\\.", var.compartment_ocid))
    error_message = "compartment_ocid is ${jsonencode(var.compartment_ocid)}: the OCID of a compartment is expected (ocid1.compartment.…). Remedy: choose one."
  }
}

variable "region" {
  description = "Where everything of the stack is created. Resource Manager fills it in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+(-[a-z]+)*-[0-9]+$", var.region))
    error_message = "region is ${jsonencode(var.region)}: the name of a region is expected, such as eu-frankfurt-1. Remedy: copy it from the console."
  }
}

variable "name" {
  description = "What the names of everything in the stack begin with."
  type        = string
  default     = "mlops"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name is ${jsonencode(var.name)}: 3 to 20 lower-case letters, digits and hyphens are expected, a letter first. Remedy: shorten it, such as mlops."
  }
}

variable "size" {
  description = "How big the machines and the database are: small, standard, free (Always Free where it reaches) or custom."
  type        = string
  default     = "small"
  nullable    = false

  validation {
    condition     = contains(["small", "standard", "free", "custom"], var.size)
    error_message = "size is ${jsonencode(var.size)}: small, standard, free or custom is expected. Remedy: choose one of these."
  }
}

variable "instance_shape" {
  description = "The shape of the three machines, for the size custom."
  type        = string
  default     = "VM.Standard.E4.Flex"
  nullable    = false

  validation {
    condition     = endswith(var.instance_shape, ".Flex")
    error_message = "instance_shape is ${jsonencode(var.instance_shape)}: a flexible shape is expected, such as VM.Standard.E4.Flex. Remedy: choose one that ends in .Flex."
  }
}

variable "instance_ocpus" {
  description = "The OCPUs of each machine, for the size custom."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.instance_ocpus >= 1 && var.instance_ocpus <= 64 && floor(var.instance_ocpus) == var.instance_ocpus
    error_message = "instance_ocpus is ${jsonencode(var.instance_ocpus)}: a whole number from 1 to 64 is expected. Remedy: give one, such as 2."
  }
}

variable "instance_memory_in_gbs" {
  description = "The memory of each machine in GB, for the size custom."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.instance_memory_in_gbs >= 4 && var.instance_memory_in_gbs <= 1024 && floor(var.instance_memory_in_gbs) == var.instance_memory_in_gbs
    error_message = "instance_memory_in_gbs is ${jsonencode(var.instance_memory_in_gbs)}: a whole number from 4 to 1024 is expected. Remedy: give one, such as 16."
  }
}

variable "boot_volume_size_in_gbs" {
  description = "The boot volume of each machine in GB, for the size custom."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.boot_volume_size_in_gbs >= 50 && var.boot_volume_size_in_gbs <= 32768 && floor(var.boot_volume_size_in_gbs) == var.boot_volume_size_in_gbs
    error_message = "boot_volume_size_in_gbs is ${jsonencode(var.boot_volume_size_in_gbs)}: a whole number from 50 to 32768 is expected. Remedy: give one, such as 50."
  }
}

variable "mysql_shape" {
  description = "The shape of the DB system, for the size custom."
  type        = string
  default     = "MySQL.2"
  nullable    = false

  validation {
    condition     = can(regex("^MySQL\\.(Free|[0-9]+)$", var.mysql_shape))
    error_message = "mysql_shape is ${jsonencode(var.mysql_shape)}: an ECPU shape is expected, such as MySQL.2. Remedy: choose one of MySQL.2, MySQL.4, MySQL.8 …."
  }
}

variable "mysql_storage_size_in_gbs" {
  description = "The storage of the DB system in GB, for the size custom. It grows by itself."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.mysql_storage_size_in_gbs >= 50 && var.mysql_storage_size_in_gbs <= 131072 && floor(var.mysql_storage_size_in_gbs) == var.mysql_storage_size_in_gbs
    error_message = "mysql_storage_size_in_gbs is ${jsonencode(var.mysql_storage_size_in_gbs)}: a whole number from 50 to 131072 is expected. Remedy: give one, such as 50."
  }
}

variable "load_balancer_bandwidth_in_mbps" {
  description = "The most that the load balancer carries in Mbps, for the size custom."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.load_balancer_bandwidth_in_mbps >= 10 && var.load_balancer_bandwidth_in_mbps <= 8000 && floor(var.load_balancer_bandwidth_in_mbps) == var.load_balancer_bandwidth_in_mbps
    error_message = "load_balancer_bandwidth_in_mbps is ${jsonencode(var.load_balancer_bandwidth_in_mbps)}: a whole number from 10 to 8000 is expected. Remedy: give one, such as 100."
  }
}

variable "availability_domain" {
  description = "Where the machines are. Empty: the first one that offers their shape."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.availability_domain == "" || can(regex("^[A-Za-z]+:.+$", var.availability_domain))
    error_message = "availability_domain is ${jsonencode(var.availability_domain)}: the name of an availability domain is expected, such as Uocm:EU-FRANKFURT-1-AD-1. Remedy: choose one, or leave it empty."
  }
}

variable "allowed_cidrs" {
  description = "The networks from which the platform can be reached, each as a CIDR block."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "allowed_cidrs is ${jsonencode(var.allowed_cidrs)}: at least one IPv4 CIDR block is expected, such as 203.0.113.7/32. Remedy: give your own address followed by /32."
  }
}

variable "public_host_name" {
  description = "The host name of the platform, if its DNS record points to the load balancer. Empty: its IP address."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+)?$", var.public_host_name))
    error_message = "public_host_name is ${jsonencode(var.public_host_name)}: a host name in lower case is expected, such as mlops.example.org. Remedy: give one, or leave it empty."
  }
}

variable "certificate_ocid" {
  description = "Your own certificate in the Certificates service. Empty: one of an internal authority, which browsers warn of."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(ocid1\\.certificate\\..+)?$", var.certificate_ocid))
    error_message = "certificate_ocid is ${jsonencode(var.certificate_ocid)}: the OCID of a certificate is expected (ocid1.certificate.…). Remedy: copy it from the Certificates service, or leave it empty."
  }
}

variable "vcn_ocid" {
  description = "An existing VCN to use. Empty: the stack makes one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(ocid1\\.vcn\\..+)?$", var.vcn_ocid))
    error_message = "vcn_ocid is ${jsonencode(var.vcn_ocid)}: the OCID of a VCN is expected (ocid1.vcn.…). Remedy: choose one, or leave it empty."
  }
}

variable "public_subnet_ocid" {
  description = "The public subnet of the existing VCN, for the load balancer alone."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(ocid1\\.subnet\\..+)?$", var.public_subnet_ocid))
    error_message = "public_subnet_ocid is ${jsonencode(var.public_subnet_ocid)}: the OCID of a subnet is expected (ocid1.subnet.…). Remedy: choose a public subnet of the VCN."
  }
}

variable "private_subnet_ocid" {
  description = "The private subnet of the existing VCN, for the machines and the database."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(ocid1\\.subnet\\..+)?$", var.private_subnet_ocid))
    error_message = "private_subnet_ocid is ${jsonencode(var.private_subnet_ocid)}: the OCID of a subnet is expected (ocid1.subnet.…). Remedy: choose a private subnet of the VCN."
  }
}

variable "vcn_cidr" {
  description = "The addresses of the VCN that the stack makes. Fixed from the first apply on."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrsubnet(var.vcn_cidr, 8, 2)) && try(tonumber(split("/", var.vcn_cidr)[1]) >= 16 && tonumber(split("/", var.vcn_cidr)[1]) <= 22, false)
    error_message = "vcn_cidr is ${jsonencode(var.vcn_cidr)}: an IPv4 CIDR block of /16 to /22 is expected, such as 10.0.0.0/16. Remedy: give one that overlaps with no network that it is connected to."
  }
}

variable "create_bastion" {
  description = "Whether people may log in to the machines through the Bastion service."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = contains([true, false], var.create_bastion)
    error_message = "create_bastion is ${jsonencode(var.create_bastion)}: true or false is expected. Remedy: give one of these."
  }
}

variable "dags_may_reach_internet" {
  description = "Whether DAGs may fetch data over HTTPS from anywhere."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = contains([true, false], var.dags_may_reach_internet)
    error_message = "dags_may_reach_internet is ${jsonencode(var.dags_may_reach_internet)}: true or false is expected. Remedy: give one of these."
  }
}

variable "mysql_high_availability" {
  description = "Whether the DB system has three nodes instead of one. Three times the price."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = contains([true, false], var.mysql_high_availability)
    error_message = "mysql_high_availability is ${jsonencode(var.mysql_high_availability)}: true or false is expected. Remedy: give one of these."
  }
}

variable "mysql_delete_protection" {
  description = "Whether the DB system refuses to be deleted. Turn it off before a destroy."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = contains([true, false], var.mysql_delete_protection)
    error_message = "mysql_delete_protection is ${jsonencode(var.mysql_delete_protection)}: true or false is expected. Remedy: give one of these."
  }
}

variable "mysql_final_backup" {
  description = "Whether a destroy of the DB system leaves its backups and a last one."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = contains([true, false], var.mysql_final_backup)
    error_message = "mysql_final_backup is ${jsonencode(var.mysql_final_backup)}: true or false is expected. Remedy: give one of these."
  }
}

variable "buckets_at_destroy" {
  description = "At a destroy, purge deletes all objects; keep leaves the buckets that hold some, and the job ends in an error."
  type        = string
  default     = "keep"
  nullable    = false

  validation {
    condition     = contains(["purge", "keep"], var.buckets_at_destroy)
    error_message = "buckets_at_destroy is ${jsonencode(var.buckets_at_destroy)}: purge or keep is expected. Remedy: choose one of these."
  }
}

variable "keep_old_versions_in_days" {
  description = "After how many days a replaced or deleted object is gone for good."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.keep_old_versions_in_days >= 1 && var.keep_old_versions_in_days <= 3650 && floor(var.keep_old_versions_in_days) == var.keep_old_versions_in_days
    error_message = "keep_old_versions_in_days is ${jsonencode(var.keep_old_versions_in_days)}: a whole number from 1 to 3650 is expected. Remedy: give one, such as 30."
  }
}

variable "keep_task_logs_in_days" {
  description = "After how many days the logs of Airflow's tasks are deleted."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.keep_task_logs_in_days >= 1 && var.keep_task_logs_in_days <= 3650 && floor(var.keep_task_logs_in_days) == var.keep_task_logs_in_days
    error_message = "keep_task_logs_in_days is ${jsonencode(var.keep_task_logs_in_days)}: a whole number from 1 to 3650 is expected. Remedy: give one, such as 90."
  }
}

variable "create_iam" {
  description = "Whether the stack makes dynamic groups and policies. If you may not: an administrator takes the output iam_statements."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = contains([true, false], var.create_iam)
    error_message = "create_iam is ${jsonencode(var.create_iam)}: true or false is expected. Remedy: give one of these."
  }
}

variable "image_source" {
  description = "Where the machines' images come from: newest (golden image in the compartment), url or ocid."
  type        = string
  default     = "newest"
  nullable    = false

  validation {
    condition     = contains(["newest", "url", "ocid"], var.image_source)
    error_message = "image_source is ${jsonencode(var.image_source)}: newest, url or ocid is expected. Remedy: choose one of these."
  }
}

variable "image_compartment_ocid" {
  description = "The compartment of the golden images. Empty: the stack's own."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(ocid1\\.(compartment|tenancy)\\..+)?$", var.image_compartment_ocid))
    error_message = "image_compartment_ocid is ${jsonencode(var.image_compartment_ocid)}: the OCID of a compartment is expected (ocid1.compartment.…). Remedy: choose one, or leave it empty."
  }
}

variable "mlflow_image_url" {
  description = "The address in Object Storage of the image for mlflow (QCOW2)."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.mlflow_image_url == "" || startswith(var.mlflow_image_url, "https://objectstorage.")
    error_message = "mlflow_image_url is ${jsonencode(var.mlflow_image_url)}: an Object Storage address is expected (https://objectstorage.…). Remedy: give the object's address, or a pre-authenticated one."
  }
}

variable "airflow_image_url" {
  description = "The address in Object Storage of the image for airflow (QCOW2)."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.airflow_image_url == "" || startswith(var.airflow_image_url, "https://objectstorage.")
    error_message = "airflow_image_url is ${jsonencode(var.airflow_image_url)}: an Object Storage address is expected (https://objectstorage.…). Remedy: give the object's address, or a pre-authenticated one."
  }
}

variable "serving_image_url" {
  description = "The address in Object Storage of the image for serving (QCOW2)."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.serving_image_url == "" || startswith(var.serving_image_url, "https://objectstorage.")
    error_message = "serving_image_url is ${jsonencode(var.serving_image_url)}: an Object Storage address is expected (https://objectstorage.…). Remedy: give the object's address, or a pre-authenticated one."
  }
}

variable "mlflow_image_ocid" {
  description = "The OCID of the image for mlflow."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(ocid1\\.image\\..+)?$", var.mlflow_image_ocid))
    error_message = "mlflow_image_ocid is ${jsonencode(var.mlflow_image_ocid)}: the OCID of an image is expected (ocid1.image.…). Remedy: choose one."
  }
}

variable "airflow_image_ocid" {
  description = "The OCID of the image for airflow."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(ocid1\\.image\\..+)?$", var.airflow_image_ocid))
    error_message = "airflow_image_ocid is ${jsonencode(var.airflow_image_ocid)}: the OCID of an image is expected (ocid1.image.…). Remedy: choose one."
  }
}

variable "serving_image_ocid" {
  description = "The OCID of the image for serving."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(ocid1\\.image\\..+)?$", var.serving_image_ocid))
    error_message = "serving_image_ocid is ${jsonencode(var.serving_image_ocid)}: the OCID of an image is expected (ocid1.image.…). Remedy: choose one."
  }
}

variable "alarm_email" {
  description = "Who is told of alarms by e-mail; a confirmation is asked for first. Empty: nobody."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([^@ ]+@[^@ ]+\\.[^@ ]+)?$", var.alarm_email))
    error_message = "alarm_email is ${jsonencode(var.alarm_email)}: an e-mail address is expected. Remedy: correct it, or leave it empty."
  }
}
