# Attaches the authorizer to a REST API. Methods, stage and default endpoint remain yours: see the outputs.

resource "aws_api_gateway_authorizer" "client_certificate" {
  name           = "client-certificate"
  rest_api_id    = var.rest_api.id
  type           = "REQUEST"
  authorizer_uri = var.authorizer.authorizer_uri
  # Never omitted: API Gateway would cache for 300 seconds.
  authorizer_result_ttl_in_seconds = var.ttl
  # The provider's default, the Authorization header, would deny every request without one. Together, these two identify
  # one certificate, unless a CA reuses serial numbers or has another one's name: no caching by default.
  identity_source = "context.identity.clientCert.issuerDN,context.identity.clientCert.serialNumber"

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
  source_arn    = "${var.rest_api.execution_arn}/authorizers/*"

  # API Gateway may invoke another function or alias before the authorizer names it, and the old one until then. Otherwise,
  # it would answer 500 while SnapStart publishes a version. Therefore, the permission does not depend on the authorizer.
  lifecycle {
    create_before_destroy = true
  }
}

# The authorizer passes the reason of a Deny. It is one of a fixed set of words, so it needs no escaping.
resource "aws_api_gateway_gateway_response" "access_denied" {
  count = var.show_reason ? 1 : 0

  rest_api_id   = var.rest_api.id
  response_type = "ACCESS_DENIED"
  status_code   = "403"
  response_templates = {
    "application/json" = "{\"message\": \"Forbidden\", \"reason\": \"$context.authorizer.reason\", \"requestId\": \"$context.extendedRequestId\"}"
  }
}
