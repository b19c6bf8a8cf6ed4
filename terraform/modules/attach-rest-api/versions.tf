terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 6.21, < 7.0" }
  }
}
