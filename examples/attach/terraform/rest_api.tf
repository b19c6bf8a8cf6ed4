# A REST API with mutual TLS and the authorizer.

resource "aws_api_gateway_rest_api" "api" {
  name = "rest-api"
  # Requests through the default endpoint carry no certificate.
  disable_execute_api_endpoint = true

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

module "rest_api_authorizer" {
  source = "../../../terraform/modules/attach-rest-api"

  rest_api   = aws_api_gateway_rest_api.api
  authorizer = module.authorizer
}

resource "aws_api_gateway_method" "get" {
  rest_api_id   = aws_api_gateway_rest_api.api.id
  resource_id   = aws_api_gateway_rest_api.api.root_resource_id
  http_method   = "GET"
  authorization = "CUSTOM"
  authorizer_id = module.rest_api_authorizer.authorizer_id
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

  # A deployment is a snapshot: a change of the method or the authorizer needs another one.
  triggers = {
    method     = sha1(jsonencode(aws_api_gateway_method.get))
    authorizer = module.rest_api_authorizer.redeployment
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id   = aws_api_gateway_rest_api.api.id
  deployment_id = aws_api_gateway_deployment.api.id
  stage_name    = "live"

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.rest_api_access.arn
    format          = module.rest_api_authorizer.access_log_format
  }
}

# API Gateway writes access logs of REST APIs only if the account's settings name a role that permits it
# (aws_api_gateway_account).
resource "aws_cloudwatch_log_group" "rest_api_access" {
  name              = "/aws/apigateway/rest-api"
  retention_in_days = 90
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
