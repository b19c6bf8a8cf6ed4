# A function that downloads CRLs, verifies them and stores them in the bucket.

locals {
  creates_fetcher = var.create_crl_bucket && length(var.crl_sources) > 0 ? 1 : 0

  vpc_actions = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ]

  fetcher_variables = {
    CRL_SOURCES              = jsonencode(var.crl_sources)
    CRL_DESTINATION          = "s3://${join("", compact([var.crl_bucket_name]))}/fetched/"
    CRL_SOURCE_PRIVATE_HOSTS = length(var.crl_source_private_hosts) > 0 ? join(",", var.crl_source_private_hosts) : null
    TRUSTSTORE_URI           = var.truststore_uri
    S3_BUCKET_OWNER          = local.account_id
    CRL_MAX_AGE_SECONDS      = var.crl_max_age_seconds
    METRICS_NAMESPACE        = var.metrics_namespace
  }
}

resource "aws_lambda_function" "crl_fetcher" {
  count = local.creates_fetcher

  function_name    = "${var.name}-crl-fetcher"
  description      = "Downloads CRLs, verifies them and stores them in the bucket."
  filename         = local.authorizer_zip
  source_code_hash = filebase64sha256(local.authorizer_zip)
  handler          = "mtls_authorizer.crl_fetcher.handler"
  runtime          = "python3.13"
  architectures    = [var.architecture]
  layers           = [aws_lambda_layer_version.layer.arn]
  # The stored CRL and the new one are in memory at the same time.
  memory_size = 2048
  timeout     = 300
  role        = aws_iam_role.crl_fetcher[0].arn

  dynamic "vpc_config" {
    for_each = length(var.fetcher_subnet_ids) > 0 ? [var.fetcher_subnet_ids] : []

    content {
      subnet_ids         = vpc_config.value
      security_group_ids = var.fetcher_security_group_ids
    }
  }

  environment {
    variables = { for name, value in local.fetcher_variables : name => tostring(value) if value != null }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    log_group             = aws_cloudwatch_log_group.crl_fetcher[0].name
  }

  # In a VPC, Lambda verifies the permissions when it creates the function, and uses them after it has deleted it.
  depends_on = [aws_iam_role_policy.crl_fetcher]
}

# The next run is the retry.
resource "aws_lambda_function_event_invoke_config" "crl_fetcher" {
  count = local.creates_fetcher

  function_name          = aws_lambda_function.crl_fetcher[0].function_name
  maximum_retry_attempts = 0
}

resource "aws_cloudwatch_event_rule" "crl_fetcher" {
  count = local.creates_fetcher

  name                = "${var.name}-crl-fetcher"
  description         = "Downloads CRLs."
  schedule_expression = var.crl_fetch_schedule
}

resource "aws_cloudwatch_event_target" "crl_fetcher" {
  count = local.creates_fetcher

  rule = aws_cloudwatch_event_rule.crl_fetcher[0].name
  arn  = aws_lambda_function.crl_fetcher[0].arn

  retry_policy {
    maximum_retry_attempts = 0
    # EventBridge's default. Without it, the provider sends 0, which EventBridge rejects.
    maximum_event_age_in_seconds = 86400
  }
}

resource "aws_lambda_permission" "crl_fetcher" {
  count = local.creates_fetcher

  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.crl_fetcher[0].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.crl_fetcher[0].arn
}

resource "aws_cloudwatch_log_group" "crl_fetcher" {
  count = local.creates_fetcher

  name              = "/aws/lambda/${var.name}-crl-fetcher"
  retention_in_days = var.log_retention_in_days
}

resource "aws_iam_role" "crl_fetcher" {
  count = local.creates_fetcher

  name_prefix          = "${substr(var.name, 0, 24)}-crl-fetcher-"
  description          = "Allows the fetcher to write its own log, and to read and write CRLs below fetched/."
  assume_role_policy   = local.assumed_by_lambda
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "crl_fetcher" {
  count = local.creates_fetcher

  name = "Work"
  role = aws_iam_role.crl_fetcher[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${aws_cloudwatch_log_group.crl_fetcher[0].arn}:*"] },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = concat(["${local.crl_bucket_arn}/fetched/*.crl"], local.indexer_truststore)
      },
      { Effect = "Allow", Action = ["s3:PutObject"], Resource = ["${local.crl_bucket_arn}/fetched/*.crl"] },
      # Without it, S3 answers AccessDenied for a CRL that does not exist yet.
      { Effect = "Allow", Action = ["s3:ListBucket"], Resource = [local.crl_bucket_arn] },
      ],
      # The actions of AWSLambdaVPCAccessExecutionRole. Requests of the function itself have this key, and those that Lambda
      # makes for its network interfaces do not.
      [for actions in [local.vpc_actions] : {
        Effect    = "Allow"
        Action    = actions
        Resource  = ["*"]
        Condition = { Null = { "lambda:SourceFunctionArn" = "true" } }
      } if length(var.fetcher_subnet_ids) > 0],
    )
  })
}
