# The dashboard: the same as that of templates/monitoring.yaml.

resource "aws_cloudwatch_dashboard" "dashboard" {
  count = var.deploy_dashboard && local.has_metrics ? 1 : 0

  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({ widgets = concat(
    local.authorizer_widgets,
    [for widget in local.indexer_widgets : widget if var.create_crl_bucket],
    [for widget in local.fetcher_widgets : widget if local.creates_fetcher > 0],
  ) })
}

locals {
  fetcher_name  = one(aws_lambda_function.crl_fetcher[*].function_name)
  namespace     = join("", compact([var.metrics_namespace]))
  indexer_name  = one(aws_lambda_function.crl_indexer[*].function_name)
  failures_name = one(aws_sqs_queue.crl_indexer_failures[*].name)

  authorizer_widgets = [
    {
      type   = "metric"
      x      = 0
      y      = 0
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "Decisions"
        stat   = "Sum"
        period = 300
        metrics = [
          [local.namespace, "Allowed"],
          [".", "Denied"],
          [".", "ShadowDenied"],
          [".", "Unauthorized"],
        ]
      }
    },
    {
      type   = "metric"
      x      = 8
      y      = 0
      width  = 8
      height = 6
      properties = {
        region  = local.region
        title   = "Denied, by reason"
        stacked = true
        metrics = [
          [{ expression = "SEARCH('{\"${local.namespace}\",Reason} MetricName=\"Denied\"', 'Sum', 300)" }],
        ]
      }
    },
    {
      type   = "log"
      x      = 16
      y      = 0
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "Most denied clients"
        view   = "table"
        query = join(" | ", [
          "SOURCE '${aws_cloudwatch_log_group.authorizer.name}'",
          "filter decision = 'deny'",
          "stats count() as requests by principal, issuer_dn, reason",
          "sort requests desc",
          "limit 20",
        ])
      }
    },
    {
      type   = "metric"
      x      = 0
      y      = 6
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "Invocations, errors, throttles"
        stat   = "Sum"
        period = 300
        metrics = [
          ["AWS/Lambda", "Invocations", "FunctionName", aws_lambda_function.authorizer.function_name],
          [".", "Errors", ".", "."],
          [".", "Throttles", ".", "."],
        ]
      }
    },
    {
      type   = "metric"
      x      = 8
      y      = 6
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "Duration (ms)"
        period = 300
        metrics = [
          ["AWS/Lambda", "Duration", "FunctionName", aws_lambda_function.authorizer.function_name, { stat = "p50" }],
          ["...", { stat = "p99" }],
        ]
      }
    },
    {
      type   = "metric"
      x      = 16
      y      = 6
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "Duration of a decision (µs)"
        period = 300
        metrics = [
          [local.namespace, "DecisionTime", { stat = "p50" }],
          ["...", { stat = "p99" }],
        ]
      }
    },
    {
      type   = "metric"
      x      = 0
      y      = 12
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "Execution environments"
        period = 300
        metrics = [
          ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", aws_lambda_function.authorizer.function_name, { stat = "Maximum" }],
          [".", "ProvisionedConcurrencySpilloverInvocations", ".", ".", { stat = "Sum" }],
        ]
      }
    },
    {
      type   = "log"
      x      = 8
      y      = 12
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "Initializations and restores (ms)"
        view   = "table"
        query = join(" | ", [
          "SOURCE '${aws_cloudwatch_log_group.authorizer.name}'",
          "filter type = 'platform.report'",
          "stats count(record.metrics.initDurationMs) as starts, pct(record.metrics.initDurationMs, 50) as start_p50, pct(record.metrics.initDurationMs, 99) as start_p99, count(record.metrics.restoreDurationMs) as restores, pct(record.metrics.restoreDurationMs, 50) as restore_p50, pct(record.metrics.restoreDurationMs, 99) as restore_p99 by bin(1h)",
        ])
      }
    },
    {
      type   = "metric"
      x      = 16
      y      = 12
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "Failed reloads of rules and CRLs; serial number collisions"
        stat   = "Sum"
        period = 300
        metrics = [
          [local.namespace, "RulesRefreshFailures"],
          [".", "SerialNumberCollision"],
        ]
      }
    },
    {
      type   = "log"
      x      = 0
      y      = 18
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "Certificates that expire soon"
        view   = "table"
        query = join(" | ", [
          "SOURCE '${aws_cloudwatch_log_group.authorizer.name}'",
          "filter decision = 'allow' and days_to_expiry <= ${var.expiry_warning_days == null ? 30 : var.expiry_warning_days}",
          "stats min(days_to_expiry) as days by principal, issuer_dn, serial_number",
          "sort days asc",
          "limit 20",
        ])
      }
    },
    {
      type   = "metric"
      x      = 8
      y      = 18
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "Days to the first expiry, of clients and CAs; requests whose certificate expires soon, or will lose clientAuth"
        period = 3600
        metrics = [
          [local.namespace, "DaysToExpiry", { stat = "Minimum" }],
          [".", "TruststoreDaysToExpiry", { stat = "Minimum" }],
          [".", "Expiring", { stat = "Sum", yAxis = "right" }],
          [".", "LosingClientAuth", { stat = "Sum", yAxis = "right" }],
        ]
      }
    },
    {
      type   = "metric"
      x      = 16
      y      = 18
      width  = 8
      height = 6
      properties = {
        region = local.region
        title  = "CRLs: age, time until nextUpdate (s); requests with unknown or exempt status; skipped CAs"
        period = 300
        metrics = [
          [local.namespace, "RevocationListAge", { stat = "Maximum" }],
          [".", "RevocationListTimeLeft", { stat = "Minimum" }],
          [".", "RevocationStatusUnknown", { stat = "Sum", yAxis = "right" }],
          [".", "RevocationExempt", { stat = "Sum", yAxis = "right" }],
          [".", "RevocationIssuersSkipped", { stat = "Sum", yAxis = "right" }],
          [".", "TruststoreCertificatesSkipped", { stat = "Maximum", yAxis = "right" }],
        ]
      }
    },
  ]

  indexer_widgets = [
    {
      type   = "metric"
      x      = 0
      y      = 24
      width  = 12
      height = 6
      properties = {
        region = local.region
        title  = "CRL indexer"
        stat   = "Sum"
        period = 300
        metrics = [
          ["AWS/Lambda", "Invocations", "FunctionName", local.indexer_name],
          [".", "Errors", ".", "."],
          ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.failures_name, { stat = "Maximum" }],
        ]
      }
    },
    {
      type   = "metric"
      x      = 12
      y      = 24
      width  = 12
      height = 6
      properties = {
        region = local.region
        title  = "Duration of the CRL indexer (ms)"
        stat   = "Maximum"
        period = 300
        metrics = [
          ["AWS/Lambda", "Duration", "FunctionName", local.indexer_name],
        ]
      }
    },
  ]
  fetcher_widgets = [
    {
      type   = "metric"
      x      = 0
      y      = 30
      width  = 12
      height = 6
      properties = {
        region = local.region
        title  = "CRL fetcher"
        stat   = "Sum"
        period = 300
        metrics = [
          ["AWS/Lambda", "Invocations", "FunctionName", local.fetcher_name],
          [".", "Errors", ".", "."],
          [local.namespace, "CrlFetchFailures"],
        ]
      }
    },
    {
      type   = "metric"
      x      = 12
      y      = 30
      width  = 12
      height = 6
      properties = {
        region = local.region
        title  = "Downloaded CRLs: time until the first nextUpdate (s)"
        stat   = "Minimum"
        period = 3600
        metrics = [
          [local.namespace, "FetchedCrlTimeLeft"],
        ]
      }
    },
  ]
}
