"""``mtls-authorizer explain``: the command about one certificate, many certificates, or a log entry."""
