"""Certificate revocation lists (RFC 5280 §5).

``reader`` verifies one: its ``encoding``, ``fields``, ``signer`` and ``entries``, and reads its ``scope``. The result
is a ``revocation_list``, or an error with the reason for its ``rejection``.
"""
