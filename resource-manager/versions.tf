# Resource Manager runs Terraform 1.5.7: nothing newer may be used here.
terraform {
  required_version = ">= 1.5.0, < 2.0.0"

  required_providers {
    oci = {
      source  = "oracle/oci"
      version = ">= 8.28.0, < 9.0.0"
    }
  }
}

provider "oci" {
  region = var.region
}

# Identity resources can be changed in the tenancy's home region only.
provider "oci" {
  alias  = "home"
  region = local.home_region
}
