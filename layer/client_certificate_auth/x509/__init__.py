"""Parsing certificates (RFC 5280) as OpenSSL reads them: DER, names, extensions and keys, without cryptography."""
