# The authorizer and its layer. The permission to invoke it is granted by the attach modules.

resource "aws_lambda_layer_version" "layer" {
  layer_name               = "client-certificate-auth-${var.architecture}"
  description              = "The client certificate of a Lambda event in one call, and cryptography."
  filename                 = local.layer_zip
  source_code_hash         = filebase64sha256(local.layer_zip)
  compatible_architectures = [var.architecture]
  # Python 3.15 is supported, too, but the oldest provider that is permitted rejects it. Lambda uses this to filter lists.
  compatible_runtimes = ["python3.11", "python3.12", "python3.13", "python3.14"]
  # Other functions may use it.
  skip_destroy = true
}

resource "aws_lambda_function" "authorizer" {
  function_name    = "${var.name}-authorizer"
  description      = "Allows the listed client certificates."
  filename         = local.authorizer_zip
  source_code_hash = filebase64sha256(local.authorizer_zip)
  handler          = "mtls_authorizer.handler.handler"
  runtime          = "python3.13"
  architectures    = [var.architecture]
  layers           = [aws_lambda_layer_version.layer.arn]
  # The work is short and CPU-bound, and Lambda allocates CPU in proportion to memory.
  memory_size = 512
  timeout     = 5
  role        = aws_iam_role.authorizer.arn
  # Any change of code, layer or environment publishes another version, to which the alias then points.
  publish = local.is_published

  environment {
    variables = local.environment
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    log_group             = aws_cloudwatch_log_group.authorizer.name
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  dynamic "snap_start" {
    for_each = var.snap_start ? ["PublishedVersions"] : []

    content {
      apply_on = snap_start.value
    }
  }

  # Without its permissions, the function cannot read its documents when it starts.
  depends_on = [aws_iam_role_policy.authorizer, aws_iam_role_policy_attachment.authorizer]
}

resource "aws_lambda_alias" "live" {
  count = local.is_published ? 1 : 0

  name             = "live"
  function_name    = aws_lambda_function.authorizer.function_name
  function_version = aws_lambda_function.authorizer.version
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency > 0 ? 1 : 0

  function_name                     = aws_lambda_function.authorizer.function_name
  qualifier                         = aws_lambda_alias.live[0].name
  provisioned_concurrent_executions = var.provisioned_concurrency
}

resource "aws_cloudwatch_log_group" "authorizer" {
  name              = "/aws/lambda/${var.name}-authorizer"
  retention_in_days = var.log_retention_in_days
}

resource "aws_iam_role" "authorizer" {
  name_prefix          = "${substr(var.name, 0, 25)}-authorizer-"
  description          = "Allows the authorizer to write its own log and to read the documents that its variables name."
  assume_role_policy   = local.assumed_by_lambda
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "authorizer" {
  name   = "Work"
  role   = aws_iam_role.authorizer.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_iam_role_policy_attachment" "authorizer" {
  count = length(var.authorizer_policy_arns)

  role       = aws_iam_role.authorizer.name
  policy_arn = var.authorizer_policy_arns[count.index]
}
