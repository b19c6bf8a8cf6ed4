"""Indexes of CRLs: their format, and the code that writes them."""
