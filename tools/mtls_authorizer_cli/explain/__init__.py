"""``mtls-authorizer explain``: why a client certificate is allowed or denied."""
