"""``mtls-authorizer rules``: rules documents."""
