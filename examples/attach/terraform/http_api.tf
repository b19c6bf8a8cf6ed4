# An HTTP API of your own with mutual TLS, and the authorizer in front.

resource "aws_apigatewayv2_api" "api" {
  name          = "http-api"
  protocol_type = "HTTP"
  # Requests that come in here carry no certificate.
  disable_execute_api_endpoint = true
}

resource "aws_apigatewayv2_authorizer" "client_certificate" {
  name                              = "client-certificate"
  api_id                            = aws_apigatewayv2_api.api.id
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = local.authorizer_uri
  authorizer_payload_format_version = "2.0"
  # The whole certificate: other identity sources may be those of another client, too.
  identity_sources = ["$context.identity.clientCert.clientCertPem"]
  # No caching. Before you change it, read docs/security-model.md#caching.
  authorizer_result_ttl_in_seconds = 0
}

resource "aws_lambda_permission" "http_api_invokes_authorizer" {
  action        = "lambda:InvokeFunction"
  function_name = var.authorizer_arn
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.api.execution_arn}/authorizers/${aws_apigatewayv2_authorizer.client_certificate.id}"
}

resource "aws_apigatewayv2_route" "get" {
  api_id             = aws_apigatewayv2_api.api.id
  route_key          = "GET /"
  authorization_type = "CUSTOM"
  authorizer_id      = aws_apigatewayv2_authorizer.client_certificate.id
  target             = "integrations/${aws_apigatewayv2_integration.function.id}"
}

resource "aws_apigatewayv2_integration" "function" {
  api_id                 = aws_apigatewayv2_api.api.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.with_layer.arn
  payload_format_version = "2.0"
}

resource "aws_lambda_permission" "http_api_invokes_function" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.with_layer.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.api.execution_arn}/*/GET/"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.api.id
  name        = "$default"
  auto_deploy = true
}

resource "aws_apigatewayv2_domain_name" "api" {
  domain_name = var.http_api_domain_name

  domain_name_configuration {
    certificate_arn = var.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  mutual_tls_authentication {
    truststore_uri = var.truststore_uri
  }
}

resource "aws_apigatewayv2_api_mapping" "api" {
  api_id      = aws_apigatewayv2_api.api.id
  domain_name = aws_apigatewayv2_domain_name.api.id
  stage       = aws_apigatewayv2_stage.default.id
}
