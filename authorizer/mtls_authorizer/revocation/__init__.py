"""Revocation (RFC 5280 §5 and §6.3): whether a certificate, or a CA above it, was revoked.

A *list* is a verified CRL (``crl``) or the index of one (``index``). ``documents`` keeps the lists up to date, which
the CAs of the ``truststore`` sign: ``crl_loader`` loads one CRL, ``prefix`` those below prefixes. ``chains`` finds the
CAs above a certificate, and ``lists_by_issuer`` the lists that concern each certificate of a chain. From these,
``lists`` determines the ``status``. ``succession`` states which list replaces which, and which are kept.

The other functions on Lambda write the objects that the authorizer reads: ``fetch`` downloads CRLs, and
``index.handler`` writes indexes. Lambda invokes them through ``crl_fetcher`` and ``crl_indexer``, next to this package.
"""
