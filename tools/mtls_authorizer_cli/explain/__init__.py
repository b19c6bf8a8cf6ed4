"""``mtls-authorizer explain``: why client certificates, or a logged request, are allowed or denied."""
