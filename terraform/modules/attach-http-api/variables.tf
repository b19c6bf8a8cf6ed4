variable "api" {
  type        = object({ id = string, execution_arn = string })
  nullable    = false
  description = "The API: an aws_apigatewayv2_api of type HTTP."
}

variable "authorizer" {
  type        = object({ authorizer_arn = string, authorizer_uri = string, simple_responses = optional(bool, false) })
  nullable    = false
  description = "The authorizer: a module of modules/authorizer."
}

variable "ttl" {
  type        = number
  default     = 0
  nullable    = false
  description = "How many seconds API Gateway caches a response by the whole certificate. Changed lists, revocation and expiry take effect that much later."

  validation {
    condition     = var.ttl >= 0 && var.ttl <= 3600
    error_message = "Must be a number of seconds from 0 to 3600."
  }
}
