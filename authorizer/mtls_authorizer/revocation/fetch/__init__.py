"""Downloading CRLs from the URLs of an administrator, for the function and for the command.

``fetching`` downloads, verifies and stores one CRL. ``download`` requests it at its ``url``, from one of the
``addresses`` that were checked, over a ``connection`` with a ``deadline``. The function does this for each source in
its ``settings``, and replaces the ``stored_crl``.
"""
