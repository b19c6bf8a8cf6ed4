variable "release_folder" {
  type        = string
  default     = "../../../build/release"
  description = "The folder with the files of a release."
}

variable "allowed_common_names" { type = list(string) }
variable "rest_api_domain_name" { type = string }
variable "http_api_domain_name" { type = string }
variable "certificate_arn" { type = string }
variable "truststore_uri" { type = string }
