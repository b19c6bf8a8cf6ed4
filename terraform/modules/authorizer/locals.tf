# The environment of the authorizer, and the permissions that follow from the URIs in it.

locals {
  layer_zip      = "${var.release_folder}/client-certificate-auth-${var.architecture}.zip"
  authorizer_zip = "${var.release_folder}/authorizer.zip"

  partition    = data.aws_partition.current.partition
  region       = data.aws_region.current.region
  account_id   = data.aws_caller_identity.current.account_id
  is_published = var.snap_start || var.provisioned_concurrency > 0
  # Without crl_uris, only the indexer uses the variables for CRLs: the bucket exists before its first CRLs.
  checks_revocation = var.crl_uris != null
  # Rules at a URI may contain issuer_key. With others that do not, the authorizer rejects a truststore without CRLs.
  uses_truststore = local.checks_revocation || var.allowed_issuer_keys != null || length(local.rule_uris) > 0 || local.has_issuer_key
  has_issuer_key  = strcontains(join("", compact([var.authorizer_rules, var.authorizer_shadow_rules])), "\"issuer_key\"")

  # The lists are JSON, because names may contain commas.
  variables = {
    ALLOWED_COMMON_NAMES             = var.allowed_common_names == null ? null : jsonencode(var.allowed_common_names)
    ALLOWED_ORGANIZATIONAL_UNITS     = var.allowed_organizational_units == null ? null : jsonencode(var.allowed_organizational_units)
    ALLOWED_ORGANIZATIONS            = var.allowed_organizations == null ? null : jsonencode(var.allowed_organizations)
    ALLOWED_SUBJECT_ALT_NAMES        = var.allowed_subject_alt_names == null ? null : jsonencode(var.allowed_subject_alt_names)
    ALLOWED_ISSUERS                  = var.allowed_issuers == null ? null : jsonencode(var.allowed_issuers)
    ALLOWED_FINGERPRINTS             = var.allowed_fingerprints == null ? null : jsonencode(var.allowed_fingerprints)
    ALLOWED_SERIAL_NUMBERS           = var.allowed_serial_numbers == null ? null : jsonencode(var.allowed_serial_numbers)
    ALLOWED_ISSUER_KEYS              = var.allowed_issuer_keys == null ? null : jsonencode(var.allowed_issuer_keys)
    ALLOWLIST_MATCH                  = var.allowlist_match
    ALLOW_ANY_CLIENT_CERTIFICATE     = var.allow_any_client_certificate ? "true" : null
    REQUIRED_EXTENDED_KEY_USAGE      = var.required_extended_key_usage == null ? null : join(",", var.required_extended_key_usage)
    AUTHORIZER_RULES                 = var.authorizer_rules
    AUTHORIZER_RULES_URI             = var.authorizer_rules_uri
    AUTHORIZER_SHADOW_RULES          = var.authorizer_shadow_rules
    AUTHORIZER_SHADOW_RULES_URI      = var.authorizer_shadow_rules_uri
    AUTHORIZER_RULES_REFRESH_SECONDS = var.authorizer_rules_refresh_seconds
    CRL_URIS                         = local.checks_revocation ? join(",", local.crl_uris) : null
    TRUSTSTORE_URI                   = local.uses_truststore ? var.truststore_uri : null
    CRL_CHECK                        = var.crl_check
    CRL_REFRESH_SECONDS              = local.uses_truststore ? var.crl_refresh_seconds : null
    CRL_FAILURE_MODE                 = var.crl_failure_mode
    CRL_MAX_AGE_SECONDS              = local.checks_revocation ? var.crl_max_age_seconds : null
    CRL_ASSUME_COMPLETE              = length(var.crl_assume_complete) > 0 ? join(",", var.crl_assume_complete) : null
    CRL_EXEMPT_ISSUERS               = length(var.crl_exempt_issuers) > 0 ? join(",", var.crl_exempt_issuers) : null
    S3_BUCKET_OWNER                  = var.s3_bucket_owner == null ? local.account_id : var.s3_bucket_owner
    RESPONSE_FORMAT                  = var.response_format
    UNAUTHENTICATED_RESPONSE         = var.unauthenticated_response
    PRINCIPAL_ID                     = var.principal_id
    CLIENT_CERT_HEADER               = var.client_cert_header ? "true" : null
    LOG_DECISIONS                    = var.log_decisions
    EXPIRY_WARNING_DAYS              = var.expiry_warning_days
    METRICS_NAMESPACE                = var.metrics_namespace
  }
  environment = { for name, value in local.variables : name => tostring(value) if value != null }

  # A URI that ends with a slash is a prefix.
  crl_uris  = var.crl_uris == null ? [] : var.crl_uris
  crls      = [for uri in local.crl_uris : endswith(uri, "/") ? "${uri}*.crl" : uri]
  prefixes  = [for uri in local.crl_uris : split("/", uri) if startswith(uri, "s3://") && endswith(uri, "/")]
  rule_uris = compact([var.authorizer_rules_uri, var.authorizer_shadow_rules_uri])
  # Indexes are not signed by a CA, so the authorizer reads them only in a bucket where nothing but the indexer can write
  # them. Elsewhere it reads the CRLs themselves.
  indexes = local.checks_revocation && var.crl_bucket_name != null ? ["arn:${local.partition}:s3:::${var.crl_bucket_name}/*.crl.index"] : []
  objects = concat(
    [for uri in concat(local.rule_uris, compact([local.variables.TRUSTSTORE_URI]), local.crls) :
    "arn:${local.partition}:s3:::${trimprefix(uri, "s3://")}" if startswith(uri, "s3://")],
    local.indexes,
  )
  # ssm:///a,/b names two parameters. The ARN of a parameter contains neither a version nor a label (:3 or :live).
  ssm_parameters = flatten([for uri in local.rule_uris :
    [for name in split(",", trimprefix(uri, "ssm://")) : "arn:${local.partition}:ssm:${local.region}:${local.account_id}:parameter${split(":", name)[0]}"]
  if startswith(uri, "ssm://")])

  statements = concat(
    [{ Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${aws_cloudwatch_log_group.authorizer.arn}:*"] }],
    # X-Ray has no resources to name.
    var.tracing ? [{ Effect = "Allow", Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource = ["*"] }] : [],
    length(local.objects) > 0 ? [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = local.objects }] : [],
    # As in the template: the bucket of each prefix, and its first folder.
    [for parts in local.prefixes : {
      Effect    = "Allow"
      Action    = ["s3:ListBucket"]
      Resource  = ["arn:${local.partition}:s3:::${parts[2]}"]
      Condition = { StringLike = { "s3:prefix" = "${parts[3]}/*" } }
    }],
    length(local.ssm_parameters) > 0 ? [{ Effect = "Allow", Action = ["ssm:GetParameters"], Resource = local.ssm_parameters }] : [],
    # ARNs contain AppConfig's IDs, and the URI contains names.
    anytrue([for uri in local.rule_uris : startswith(uri, "appconfig://")]) ? [{
      Effect   = "Allow"
      Action   = ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"]
      Resource = ["arn:${local.partition}:appconfig:${local.region}:${local.account_id}:application/*/environment/*/configuration/*"]
    }] : [],
  )

  assumed_by_lambda = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
