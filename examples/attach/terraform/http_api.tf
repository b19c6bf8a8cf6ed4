# An HTTP API with mutual TLS and the authorizer.

resource "aws_apigatewayv2_api" "api" {
  name          = "http-api"
  protocol_type = "HTTP"
  # Requests through the default endpoint carry no certificate.
  disable_execute_api_endpoint = true
}

module "http_api_authorizer" {
  source = "../../../terraform/modules/attach-http-api"

  api        = aws_apigatewayv2_api.api
  authorizer = module.authorizer
}

resource "aws_apigatewayv2_route" "get" {
  api_id             = aws_apigatewayv2_api.api.id
  route_key          = "GET /"
  authorization_type = "CUSTOM"
  authorizer_id      = module.http_api_authorizer.authorizer_id
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

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.http_api_access.arn
    format          = module.http_api_authorizer.access_log_format
  }
}

resource "aws_cloudwatch_log_group" "http_api_access" {
  name              = "/aws/apigateway/http-api"
  retention_in_days = 90
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
