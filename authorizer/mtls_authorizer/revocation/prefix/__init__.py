"""CRLs below a prefix: found by listing, and loaded when a certificate names them."""
