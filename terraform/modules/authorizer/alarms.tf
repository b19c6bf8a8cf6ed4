# Alarms of the authorizer, which require its metrics, of the indexer and of the fetcher.

locals {
  has_metrics   = var.metrics_namespace != null
  alarm_actions = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]

  authorizer_alarms = {
    throttles = {
      description         = "Lambda throttles the authorizer, and the API responds with 500. See docs/500-errors.md."
      namespace           = "AWS/Lambda"
      metric_name         = "Throttles"
      dimensions          = { FunctionName = aws_lambda_function.authorizer.function_name }
      statistic           = "Sum"
      threshold           = 0
      comparison_operator = "GreaterThanThreshold"
    }
    duration = {
      description         = "One in a hundred invocations of the authorizer is slow. See docs/performance.md."
      namespace           = "AWS/Lambda"
      metric_name         = "Duration"
      dimensions          = { FunctionName = aws_lambda_function.authorizer.function_name }
      extended_statistic  = "p99"
      evaluation_periods  = 3
      threshold           = var.duration_alarm_milliseconds
      comparison_operator = "GreaterThanThreshold"
    }
    rules-refresh-failures = {
      description         = "Rules, CRLs or the truststore cannot be reloaded. The last valid ones stay in force. See docs/configuration.md."
      namespace           = var.metrics_namespace
      metric_name         = "RulesRefreshFailures"
      statistic           = "Sum"
      threshold           = 0
      comparison_operator = "GreaterThanThreshold"
      # There is no value between two attempts, so the alarm lasts an hour from the last failed one.
      evaluation_periods  = 12
      datapoints_to_alarm = 1
    }
    expiry = {
      description         = "The certificate of an allowed client is about to expire. The dashboard and the log say which. See docs/rotate-a-certificate.md."
      namespace           = var.metrics_namespace
      metric_name         = "DaysToExpiry"
      statistic           = "Minimum"
      period              = 86400
      threshold           = var.expiry_alarm_days
      comparison_operator = "LessThanOrEqualToThreshold"
      # Without requests, the alarm keeps its state: certificates and CRLs expire nevertheless.
      treat_missing_data = "ignore"
    }
    truststore-expiry = {
      description         = "A CA certificate of the truststore is about to expire, or has expired. The log says which. See docs/rotate-a-certificate.md."
      namespace           = var.metrics_namespace
      metric_name         = "TruststoreDaysToExpiry"
      statistic           = "Minimum"
      period              = 86400
      threshold           = var.truststore_expiry_alarm_days
      comparison_operator = "LessThanOrEqualToThreshold"
      treat_missing_data  = "ignore"
    }
    revocation-list-stale = {
      description         = "A CRL is about to expire. After its nextUpdate, CrlFailureMode decides. See docs/stale-crl.md."
      namespace           = var.metrics_namespace
      metric_name         = "RevocationListTimeLeft"
      statistic           = "Minimum"
      threshold           = var.revocation_list_alarm_seconds
      comparison_operator = "LessThanOrEqualToThreshold"
      treat_missing_data  = "ignore"
    }
    revocation-status-unknown = {
      description         = "The revocation status of clients' certificates is unknown. CrlFailureMode decides. See docs/stale-crl.md."
      namespace           = var.metrics_namespace
      metric_name         = "RevocationStatusUnknown"
      statistic           = "Sum"
      threshold           = 0
      comparison_operator = "GreaterThanThreshold"
    }
    serial-number-collision = {
      description         = "A CA has given one serial number to two certificates. Do not cache responses by issuer and serial number. See docs/security-model.md."
      namespace           = var.metrics_namespace
      metric_name         = "SerialNumberCollision"
      statistic           = "Sum"
      threshold           = 0
      comparison_operator = "GreaterThanThreshold"
    }
  }

  indexer_alarms = {
    crl-indexer-errors = {
      description         = "The CRL indexer has failed or rejected a CRL. Its log contains the reason. See docs/stale-crl.md."
      namespace           = "AWS/Lambda"
      metric_name         = "Errors"
      dimensions          = { FunctionName = local.indexer_name }
      statistic           = "Sum"
      threshold           = 0
      comparison_operator = "GreaterThanThreshold"
    }
    crl-indexer-failures = {
      description         = "An uploaded CRL has no index after three attempts. See docs/stale-crl.md."
      namespace           = "AWS/SQS"
      metric_name         = "ApproximateNumberOfMessagesVisible"
      dimensions          = { QueueName = local.failures_name }
      statistic           = "Maximum"
      threshold           = 0
      comparison_operator = "GreaterThanThreshold"
      # SQS may stop sending metrics after six hours without a request, also while the queue contains messages.
      treat_missing_data = "ignore"
    }
  }

  fetcher_alarms = {
    crl-fetcher-errors = {
      description         = "The CRL fetcher has failed as a whole. Its log contains the reason. See docs/stale-crl.md."
      namespace           = "AWS/Lambda"
      metric_name         = "Errors"
      dimensions          = { FunctionName = local.fetcher_name }
      statistic           = "Sum"
      threshold           = 0
      comparison_operator = "GreaterThanThreshold"
      # Between two runs of the fetcher, the alarm keeps its state.
      treat_missing_data = "ignore"
    }
  }

  fetcher_metric_alarms = {
    fetched-crl-stale = {
      description         = "A downloaded CRL is about to expire, or was never downloaded. The log of the fetcher says why. See docs/stale-crl.md."
      namespace           = var.metrics_namespace
      metric_name         = "FetchedCrlTimeLeft"
      statistic           = "Minimum"
      threshold           = var.revocation_list_alarm_seconds
      comparison_operator = "LessThanOrEqualToThreshold"
      treat_missing_data  = "ignore"
    }
  }

  alarms = merge(
    { for name, alarm in local.authorizer_alarms : name => alarm if var.deploy_alarms && local.has_metrics },
    { for name, alarm in local.indexer_alarms : name => alarm if var.deploy_alarms && var.create_crl_bucket },
    { for name, alarm in local.fetcher_alarms : name => alarm if var.deploy_alarms && local.creates_fetcher > 0 },
    { for name, alarm in local.fetcher_metric_alarms : name => alarm if var.deploy_alarms && local.creates_fetcher > 0 && local.has_metrics },
  )
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric_name
  dimensions          = lookup(each.value, "dimensions", null)
  statistic           = lookup(each.value, "statistic", null)
  extended_statistic  = lookup(each.value, "extended_statistic", null)
  period              = lookup(each.value, "period", 300)
  evaluation_periods  = lookup(each.value, "evaluation_periods", 1)
  datapoints_to_alarm = lookup(each.value, "datapoints_to_alarm", null)
  threshold           = each.value.threshold
  comparison_operator = each.value.comparison_operator
  treat_missing_data  = lookup(each.value, "treat_missing_data", "notBreaching")
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

# On a REST API a request without a certificate is a function error if the response is 401, and anyone can send one.
resource "aws_cloudwatch_metric_alarm" "errors" {
  count = var.deploy_alarms && local.has_metrics ? 1 : 0

  alarm_name          = "${var.name}-errors"
  alarm_description   = "The authorizer fails, and the API responds with 500. See docs/500-errors.md."
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  metric_query {
    id          = "failures"
    label       = "Failures"
    expression  = var.unauthenticated_response == "deny" ? "FILL(errors, 0)" : "FILL(errors, 0) - FILL(unauthorized, 0)"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.authorizer.function_name }
      stat        = "Sum"
      period      = 300
    }
  }

  metric_query {
    id = "unauthorized"

    metric {
      namespace   = var.metrics_namespace
      metric_name = "Unauthorized"
      stat        = "Sum"
      period      = 300
    }
  }
}
