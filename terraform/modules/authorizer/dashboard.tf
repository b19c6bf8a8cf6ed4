# The dashboard: the same as that of templates/monitoring.yaml.

resource "aws_cloudwatch_dashboard" "dashboard" {
  count = var.deploy_dashboard && local.has_metrics ? 1 : 0

  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({ widgets = flatten([
    for number, row in local.dashboard_rows : [
      for place, widget in row : {
        type       = contains(keys(widget), "query") ? "log" : "metric"
        x          = place * local.grid_width / length(row)
        y          = number * local.row_height
        width      = local.grid_width / length(row)
        height     = local.row_height
        properties = merge({ region = local.region }, widget)
      }
    ]
  ]) })
}

locals {
  fetcher_name  = one(aws_lambda_function.crl_fetcher[*].function_name)
  namespace     = join("", compact([var.metrics_namespace]))
  indexer_name  = one(aws_lambda_function.crl_indexer[*].function_name)
  failures_name = one(aws_sqs_queue.crl_indexer_failures[*].name)

  grid_width = 24
  row_height = 6
  # The widgets of a row have the same width.
  dashboard_rows = concat(
    local.authorizer_rows,
    [for row in [local.indexer_row] : row if var.create_crl_bucket],
    [for row in [local.fetcher_row] : row if local.creates_fetcher > 0],
  )
  authorizer_rows = [
    [
      {
        title  = "Decisions"
        stat   = "Sum"
        period = 300
        metrics = [
          [local.namespace, "Allowed"],
          [".", "Denied"],
          [".", "ShadowDenied"],
          [".", "Unauthorized"],
        ]
      },
      {
        title   = "Denied, by reason"
        stacked = true
        metrics = [
          [{ expression = "SEARCH('{\"${local.namespace}\",Reason} MetricName=\"Denied\"', 'Sum', 300)" }],
        ]
      },
      {
        title = "Most denied clients"
        view  = "table"
        query = join(" | ", [
          "SOURCE '${aws_cloudwatch_log_group.authorizer.name}'",
          "filter decision = 'deny'",
          "stats count() as requests by principal, issuer_dn, reason",
          "sort requests desc",
          "limit 20",
        ])
      },
    ],
    [
      {
        title  = "Invocations, errors, throttles"
        stat   = "Sum"
        period = 300
        metrics = [
          ["AWS/Lambda", "Invocations", "FunctionName", aws_lambda_function.authorizer.function_name],
          [".", "Errors", ".", "."],
          [".", "Throttles", ".", "."],
        ]
      },
      {
        title  = "Duration (ms)"
        period = 300
        metrics = [
          ["AWS/Lambda", "Duration", "FunctionName", aws_lambda_function.authorizer.function_name, { stat = "p50" }],
          ["...", { stat = "p99" }],
        ]
      },
      {
        title  = "Duration of a decision (µs)"
        period = 300
        metrics = [
          [local.namespace, "DecisionTime", { stat = "p50" }],
          ["...", { stat = "p99" }],
        ]
      },
    ],
    [
      {
        title  = "Execution environments"
        period = 300
        metrics = [
          ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", aws_lambda_function.authorizer.function_name, { stat = "Maximum" }],
          [".", "ProvisionedConcurrencySpilloverInvocations", ".", ".", { stat = "Sum" }],
        ]
      },
      {
        title = "Initializations and restores (ms)"
        view  = "table"
        query = join(" | ", [
          "SOURCE '${aws_cloudwatch_log_group.authorizer.name}'",
          "filter type = 'platform.report'",
          "stats count(record.metrics.initDurationMs) as starts, pct(record.metrics.initDurationMs, 50) as start_p50, pct(record.metrics.initDurationMs, 99) as start_p99, count(record.metrics.restoreDurationMs) as restores, pct(record.metrics.restoreDurationMs, 50) as restore_p50, pct(record.metrics.restoreDurationMs, 99) as restore_p99 by bin(1h)",
        ])
      },
      {
        title  = "Failed reloads of rules and CRLs; serial number collisions"
        stat   = "Sum"
        period = 300
        metrics = [
          [local.namespace, "RulesRefreshFailures"],
          [".", "SerialNumberCollision"],
        ]
      },
    ],
    [
      {
        title = "Certificates that expire soon"
        view  = "table"
        query = join(" | ", [
          "SOURCE '${aws_cloudwatch_log_group.authorizer.name}'",
          "filter decision = 'allow' and days_to_expiry <= ${var.expiry_warning_days == null ? 30 : var.expiry_warning_days}",
          "stats min(days_to_expiry) as days by principal, issuer_dn, serial_number",
          "sort days asc",
          "limit 20",
        ])
      },
      {
        title  = "Days to the first expiry, of clients and CAs; requests whose certificate expires soon, or will lose clientAuth"
        period = 3600
        metrics = [
          [local.namespace, "DaysToExpiry", { stat = "Minimum" }],
          [".", "TruststoreDaysToExpiry", { stat = "Minimum" }],
          [".", "Expiring", { stat = "Sum", yAxis = "right" }],
          [".", "LosingClientAuth", { stat = "Sum", yAxis = "right" }],
        ]
      },
      {
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
      },
    ],
  ]
  indexer_row = [
    {
      title  = "CRL indexer"
      stat   = "Sum"
      period = 300
      metrics = [
        ["AWS/Lambda", "Invocations", "FunctionName", local.indexer_name],
        [".", "Errors", ".", "."],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.failures_name, { stat = "Maximum" }],
      ]
    },
    {
      title  = "Duration of the CRL indexer (ms)"
      stat   = "Maximum"
      period = 300
      metrics = [
        ["AWS/Lambda", "Duration", "FunctionName", local.indexer_name],
      ]
    },
  ]
  fetcher_row = [
    {
      title  = "CRL fetcher"
      stat   = "Sum"
      period = 300
      metrics = [
        ["AWS/Lambda", "Invocations", "FunctionName", local.fetcher_name],
        [".", "Errors", ".", "."],
        [local.namespace, "CrlFetchFailures"],
      ]
    },
    {
      title  = "Downloaded CRLs: time until the first nextUpdate (s)"
      stat   = "Minimum"
      period = 3600
      metrics = [
        [local.namespace, "FetchedCrlTimeLeft"],
      ]
    },
  ]
}
