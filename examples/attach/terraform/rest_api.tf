# A REST API of your own with mutual TLS, and the authorizer in front.

resource "aws_api_gateway_rest_api" "api" {
  name = "rest-api"
  # Requests that come in here carry no certificate.
  disable_execute_api_endpoint = true

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_authorizer" "client_certificate" {
  name           = "client-certificate"
  rest_api_id    = aws_api_gateway_rest_api.api.id
  type           = "REQUEST"
  authorizer_uri = local.authorizer_uri
  # No caching: issuer and serial number may belong to two certificates. Never omit it: the default is 300 seconds.
  authorizer_result_ttl_in_seconds = 0
}

resource "aws_lambda_permission" "rest_api_invokes_authorizer" {
  action        = "lambda:InvokeFunction"
  function_name = var.authorizer_arn
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.api.execution_arn}/authorizers/${aws_api_gateway_authorizer.client_certificate.id}"
}

resource "aws_api_gateway_method" "get" {
  rest_api_id   = aws_api_gateway_rest_api.api.id
  resource_id   = aws_api_gateway_rest_api.api.root_resource_id
  http_method   = "GET"
  authorization = "CUSTOM"
  authorizer_id = aws_api_gateway_authorizer.client_certificate.id
}

resource "aws_api_gateway_integration" "get" {
  rest_api_id             = aws_api_gateway_rest_api.api.id
  resource_id             = aws_api_gateway_rest_api.api.root_resource_id
  http_method             = aws_api_gateway_method.get.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.with_layer.invoke_arn
}

resource "aws_lambda_permission" "rest_api_invokes_function" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.with_layer.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.api.execution_arn}/live/GET/"
}

resource "aws_api_gateway_deployment" "api" {
  rest_api_id = aws_api_gateway_rest_api.api.id
  depends_on  = [aws_api_gateway_integration.get]

  # It is a snapshot: a change of the method or its authorizer needs another one.
  triggers = {
    method     = sha1(jsonencode(aws_api_gateway_method.get))
    authorizer = sha1(jsonencode(aws_api_gateway_authorizer.client_certificate))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id   = aws_api_gateway_rest_api.api.id
  deployment_id = aws_api_gateway_deployment.api.id
  stage_name    = "live"
}

resource "aws_api_gateway_domain_name" "api" {
  domain_name              = var.rest_api_domain_name
  regional_certificate_arn = var.certificate_arn
  security_policy          = "TLS_1_2"

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  mutual_tls_authentication {
    truststore_uri = var.truststore_uri
  }
}

resource "aws_api_gateway_base_path_mapping" "api" {
  domain_name = aws_api_gateway_domain_name.api.domain_name
  api_id      = aws_api_gateway_rest_api.api.id
  stage_name  = aws_api_gateway_stage.live.stage_name
}
