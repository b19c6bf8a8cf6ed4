# Attaches the authorizer to an HTTP API. Routes, stage and default endpoint remain yours: see the outputs.

resource "aws_apigatewayv2_authorizer" "client_certificate" {
  name                              = "client-certificate"
  api_id                            = var.api.id
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = var.authorizer.authorizer_uri
  authorizer_payload_format_version = "2.0"
  # Otherwise, API Gateway rejects what the authorizer responds with response_format = "simple".
  enable_simple_responses = var.authorizer.simple_responses
  # The whole certificate: two clients may share other identity sources.
  identity_sources = ["$context.identity.clientCert.clientCertPem"]
  # Never omitted: before you change it, read docs/security-model.md#caching.
  authorizer_result_ttl_in_seconds = var.ttl

  depends_on = [aws_lambda_permission.client_certificate]

  # If the module is removed, it is destroyed after the change of what refers to it, instead of before.
  lifecycle {
    create_before_destroy = true
  }
}

# The provider stores the alias of an ARN as the qualifier. In function_name, it would replace the permission whenever the
# configuration is applied, and API Gateway would answer 500 in between.
locals {
  arn = split(":", var.authorizer.authorizer_arn)
}

resource "aws_lambda_permission" "client_certificate" {
  action        = "lambda:InvokeFunction"
  function_name = join(":", [for index, part in local.arn : part if index < 7])
  qualifier     = one([for index, part in local.arn : part if index == 7])
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${var.api.execution_arn}/authorizers/*"

  # API Gateway may invoke another function or alias before the authorizer names it, and the old one until then. Otherwise,
  # it would answer 500 while SnapStart publishes a version. Therefore, the permission does not depend on the authorizer.
  lifecycle {
    create_before_destroy = true
  }
}
