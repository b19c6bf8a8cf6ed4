# layer_arn and authorizer_arn are outputs of this project's stack.

terraform {
  required_providers {
    aws     = { source = "hashicorp/aws", version = ">= 5.70" }
    archive = { source = "hashicorp/archive", version = ">= 2.4" }
  }
}

variable "layer_arn" { type = string }
variable "authorizer_arn" { type = string }
variable "rest_api_domain_name" { type = string }
variable "http_api_domain_name" { type = string }
variable "certificate_arn" { type = string }
variable "truststore_uri" { type = string }

data "aws_region" "current" {}
data "aws_partition" "current" {}
