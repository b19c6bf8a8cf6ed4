output "authorizer_id" {
  description = "For authorizer_id of every aws_api_gateway_method, together with authorization = \"CUSTOM\"."
  value       = aws_api_gateway_authorizer.client_certificate.id
}

output "redeployment" {
  description = "For the triggers of the aws_api_gateway_deployment, which is a snapshot: it changes with the authorizer and the response."
  value       = sha1(jsonencode([aws_api_gateway_authorizer.client_certificate, aws_api_gateway_gateway_response.access_denied]))
}

# Names of a certificate are not among the fields: access logs escape nothing, and names may contain quotes.
output "access_log_format" {
  description = "For access_log_settings of the aws_api_gateway_stage. requestId is request_id in the decision log."
  value = jsonencode({
    requestId         = "$context.requestId"
    extendedRequestId = "$context.extendedRequestId"
    sourceIp          = "$context.identity.sourceIp"
    requestTime       = "$context.requestTime"
    httpMethod        = "$context.httpMethod"
    resourcePath      = "$context.resourcePath"
    status            = "$context.status"
    authorizerStatus  = "$context.authorizer.status"
    authorizerLatency = "$context.authorizer.latency"
    reason            = "$context.authorizer.reason"
    fingerprint       = "$context.authorizer.clientCertFingerprint256"
    serialNumber      = "$context.identity.clientCert.serialNumber"
    notBefore         = "$context.identity.clientCert.validity.notBefore"
    notAfter          = "$context.identity.clientCert.validity.notAfter"
  })
}
