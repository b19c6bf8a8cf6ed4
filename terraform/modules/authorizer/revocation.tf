# A bucket for CRLs, and a function that verifies each uploaded CRL and writes an index of it.

locals {
  creates_bucket     = var.create_crl_bucket ? 1 : 0
  crl_bucket_arn     = "arn:${local.partition}:s3:::${join("", compact([var.crl_bucket_name]))}"
  indexer_truststore = [for uri in compact([var.truststore_uri]) : "arn:${local.partition}:s3:::${trimprefix(uri, "s3://")}" if startswith(uri, "s3://")]

  indexer_variables = {
    TRUSTSTORE_URI      = var.truststore_uri
    S3_BUCKET_OWNER     = local.account_id
    CRL_MAX_AGE_SECONDS = var.crl_max_age_seconds
  }
}

# S3 does not delete a bucket with objects in it: empty it before you destroy it. Its policy is destroyed first, so remove
# crl_uris before, which stops the authorizer from reading indexes. docs/deploy/remove.md describes how to keep it.
resource "aws_s3_bucket" "crl" {
  count = local.creates_bucket

  bucket = var.crl_bucket_name
}

resource "aws_s3_bucket_server_side_encryption_configuration" "crl" {
  count = local.creates_bucket

  bucket = aws_s3_bucket.crl[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "crl" {
  count = local.creates_bucket

  bucket = aws_s3_bucket.crl[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "crl" {
  count = local.creates_bucket

  bucket                  = aws_s3_bucket.crl[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "crl" {
  count = local.creates_bucket

  bucket = aws_s3_bucket.crl[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "crl" {
  count = local.creates_bucket

  bucket = aws_s3_bucket.crl[0].id

  rule {
    id     = "OldVersions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 90
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.crl]
}

resource "aws_s3_bucket_policy" "crl" {
  count = local.creates_bucket

  bucket = aws_s3_bucket.crl[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "OverTlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.crl[0].arn, "${aws_s3_bucket.crl[0].arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      # No CA signs an index: it is trusted because only the indexer, which verifies the CRL, can write it. Others may
      # only read indexes: if one was deleted, the indexer would accept an older CRL.
      {
        Sid       = "IndexesByTheIndexerOnly"
        Effect    = "Deny"
        Principal = "*"
        NotAction = ["s3:Get*", "s3:List*"]
        Resource  = "${aws_s3_bucket.crl[0].arn}/*.index"
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = aws_iam_role.crl_indexer[0].arn } }
      },
    ], local.writers)
  })
}

resource "aws_s3_bucket_notification" "crl" {
  count = local.creates_bucket

  bucket = aws_s3_bucket.crl[0].id

  lambda_function {
    lambda_function_arn = aws_lambda_function.crl_indexer[0].arn
    events              = ["s3:ObjectCreated:*"]
    # Neither an index nor the truststore has this suffix.
    filter_suffix = ".crl"
  }

  # S3 verifies the permission.
  depends_on = [aws_lambda_permission.crl_indexer]
}

resource "aws_lambda_permission" "crl_indexer" {
  count = local.creates_bucket

  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.crl_indexer[0].function_name
  principal      = "s3.amazonaws.com"
  source_account = local.account_id
  source_arn     = local.crl_bucket_arn
}

resource "aws_lambda_function" "crl_indexer" {
  count = local.creates_bucket

  function_name    = "${var.name}-crl-indexer"
  description      = "Verifies uploaded CRLs and writes their indexes."
  filename         = local.authorizer_zip
  source_code_hash = filebase64sha256(local.authorizer_zip)
  handler          = "mtls_authorizer.crl_indexer.handler"
  runtime          = "python3.13"
  architectures    = [var.architecture]
  layers           = [aws_lambda_layer_version.layer.arn]
  # A CRL with a million entries (39 MB) takes 220 MB and 2 seconds, the largest one 1.5 GB.
  memory_size = 2048
  timeout     = 300
  role        = aws_iam_role.crl_indexer[0].arn

  environment {
    variables = { for name, value in local.indexer_variables : name => tostring(value) if value != null }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    log_group             = aws_cloudwatch_log_group.crl_indexer[0].name
  }

  # Without its permissions, the function cannot index the first uploads.
  depends_on = [aws_iam_role_policy.crl_indexer]
}

resource "aws_lambda_function_event_invoke_config" "crl_indexer" {
  count = local.creates_bucket

  function_name          = aws_lambda_function.crl_indexer[0].function_name
  maximum_retry_attempts = 2

  destination_config {
    on_failure {
      destination = aws_sqs_queue.crl_indexer_failures[0].arn
    }
  }

  # Lambda verifies the permission.
  depends_on = [aws_iam_role_policy.crl_indexer]
}

resource "aws_sqs_queue" "crl_indexer_failures" {
  count = local.creates_bucket

  name                      = "${var.name}-crl-indexer-failures"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_cloudwatch_log_group" "crl_indexer" {
  count = local.creates_bucket

  name              = "/aws/lambda/${var.name}-crl-indexer"
  retention_in_days = var.log_retention_in_days
}

resource "aws_iam_role" "crl_indexer" {
  count = local.creates_bucket

  name_prefix          = "${substr(var.name, 0, 24)}-crl-indexer-"
  description          = "Allows the indexer to write its own log, to read CRLs and to write their indexes."
  assume_role_policy   = local.assumed_by_lambda
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "crl_indexer" {
  count = local.creates_bucket

  name = "Work"
  role = aws_iam_role.crl_indexer[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${aws_cloudwatch_log_group.crl_indexer[0].arn}:*"] },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = concat(["${local.crl_bucket_arn}/*.crl", "${local.crl_bucket_arn}/*.crl.index"], local.indexer_truststore)
      },
      { Effect = "Allow", Action = ["s3:PutObject"], Resource = ["${local.crl_bucket_arn}/*.crl.index"] },
      # Without it, S3 answers AccessDenied for an index that does not exist.
      { Effect = "Allow", Action = ["s3:ListBucket"], Resource = [local.crl_bucket_arn] },
      { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [aws_sqs_queue.crl_indexer_failures[0].arn] },
    ]
  })
}
