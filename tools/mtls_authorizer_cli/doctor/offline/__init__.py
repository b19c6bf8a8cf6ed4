"""What can be checked without AWS: a truststore, certificates, and environment variables."""
