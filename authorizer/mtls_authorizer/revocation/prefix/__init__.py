"""CRLs below prefixes: found by listing, and loaded when a certificate needs them.

``prefix_crls`` loads the CRLs that ``catalog`` selects by their names in the ``listing``, or because they are
``known``. A bounded number of CRLs is in the ``cache``. What is remembered of the others is in ``succession.dropped``.
"""
