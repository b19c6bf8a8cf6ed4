terraform {
  # Conditions of variables refer to other variables.
  required_version = ">= 1.9"

  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 6.21, < 7.0" }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}
