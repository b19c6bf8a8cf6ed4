"""``mtls-authorizer rules schema``: the JSON Schema of rules documents."""
