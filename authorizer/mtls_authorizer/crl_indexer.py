"""The CRL indexer's entry point on Lambda, ``mtls_authorizer.crl_indexer.handler``."""

from mtls_authorizer.revocation.indexer import handler

__all__ = ["handler"]
