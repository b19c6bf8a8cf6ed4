"""Revocation (RFC 5280 §5 and §6.3): truststore, chains, CRLs and their indexes."""
