"""The entry point of the CRL indexer on Lambda: ``mtls_authorizer.crl_indexer.handler``."""

from mtls_authorizer.revocation.index.handler import handler

__all__ = ["handler"]
