"""``mtls-authorizer doctor``: finds mistakes in a truststore, in certificates, in a configuration, and on AWS."""
