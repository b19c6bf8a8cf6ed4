output "layer_arn" {
  description = "The layer's version, to attach to functions of the same architecture."
  value       = aws_lambda_layer_version.layer.arn
}

output "authorizer_arn" {
  description = "The ARN of the authorizer, for the attach modules: of the function, or of its alias if versions are published."
  value       = local.authorizer_arn
}

output "authorizer_uri" {
  description = "The URI that invokes the authorizer, for authorizer_uri of an API Gateway authorizer that you define yourself."
  value       = "arn:${local.partition}:apigateway:${local.region}:lambda:path/2015-03-31/functions/${local.authorizer_arn}/invocations"
}

output "simple_responses" {
  description = "Whether authorizers of HTTP APIs must have simple responses turned on. The attach module does that."
  value       = var.response_format == "simple"
}

output "authorizer_function_name" {
  description = "The authorizer's function name."
  value       = aws_lambda_function.authorizer.function_name
}

output "authorizer_log_group" {
  description = "The log group of the decisions."
  value       = aws_cloudwatch_log_group.authorizer.name
}

output "crl_bucket_name" {
  description = "The bucket for CRLs, if the module creates it."
  value       = one(aws_s3_bucket.crl[*].bucket)
}

output "crl_indexer_failures_url" {
  description = "The queue of uploads that have no index after three attempts."
  value       = one(aws_sqs_queue.crl_indexer_failures[*].url)
}

output "crl_indexer_log_group" {
  description = "The log group of the indexer, with the result of each upload."
  value       = one(aws_cloudwatch_log_group.crl_indexer[*].name)
}

output "crl_fetcher_function_name" {
  description = "The fetcher's function name, to start it without waiting for its schedule."
  value       = one(aws_lambda_function.crl_fetcher[*].function_name)
}

output "crl_fetcher_log_group" {
  description = "The log group of the fetcher, with the result of each download."
  value       = one(aws_cloudwatch_log_group.crl_fetcher[*].name)
}

output "dashboard_name" {
  description = "The CloudWatch dashboard."
  value       = one(aws_cloudwatch_dashboard.dashboard[*].dashboard_name)
}

locals {
  authorizer_arn = local.is_published ? aws_lambda_alias.live[0].arn : aws_lambda_function.authorizer.arn
}
