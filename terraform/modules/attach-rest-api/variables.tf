variable "rest_api" {
  type        = object({ id = string, execution_arn = string })
  nullable    = false
  description = "The API: an aws_api_gateway_rest_api."
}

variable "authorizer" {
  type        = object({ authorizer_arn = string, authorizer_uri = string })
  nullable    = false
  description = "The authorizer: a module of modules/authorizer."
}

variable "ttl" {
  type        = number
  default     = 0
  nullable    = false
  description = "How many seconds API Gateway caches a response by issuer and serial number. Set it only if none of your CAs reuses serial numbers: one client would get the response for another."

  validation {
    condition     = var.ttl >= 0 && var.ttl <= 3600
    error_message = "Must be a number of seconds from 0 to 3600."
  }
}

variable "show_reason" {
  type        = bool
  default     = true
  nullable    = false
  description = "Whether the response 403 contains the reason, such as common_name_not_allowed. It tells an attacker, too, which check failed."
}
