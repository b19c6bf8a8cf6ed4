terraform {
  required_version = ">= 1.9"

  required_providers {
    archive = { source = "hashicorp/archive", version = ">= 2.4" }
    aws     = { source = "hashicorp/aws", version = ">= 6.21, < 7.0" }
  }
}

data "aws_partition" "current" {}
