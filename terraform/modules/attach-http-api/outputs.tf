output "authorizer_id" {
  description = "For authorizer_id of every aws_apigatewayv2_route, together with authorization_type = \"CUSTOM\"."
  value       = aws_apigatewayv2_authorizer.client_certificate.id
}

# Names of a certificate are not among the fields: access logs escape nothing, and names may contain quotes.
output "access_log_format" {
  description = "For access_log_settings of the aws_apigatewayv2_stage. requestId is request_id in the decision log."
  value = jsonencode({
    requestId       = "$context.requestId"
    sourceIp        = "$context.identity.sourceIp"
    requestTime     = "$context.requestTime"
    routeKey        = "$context.routeKey"
    status          = "$context.status"
    authorizerError = "$context.authorizer.error"
    reason          = "$context.authorizer.reason"
    fingerprint     = "$context.authorizer.clientCertFingerprint256"
    serialNumber    = "$context.identity.clientCert.serialNumber"
    notBefore       = "$context.identity.clientCert.validity.notBefore"
    notAfter        = "$context.identity.clientCert.validity.notAfter"
  })
}
