"""The entry point of the CRL fetcher on Lambda: ``mtls_authorizer.crl_fetcher.handler``."""

from mtls_authorizer.revocation.fetch.handler import handler

__all__ = ["handler"]
