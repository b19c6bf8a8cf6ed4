"""The CA certificates of the truststore."""
