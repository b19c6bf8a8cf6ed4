"""Indexes of CRLs: ``format`` writes and reads them, ``entries`` searches one, and ``indexing`` makes that of a CRL.

``handler`` is the indexer, a function that S3 invokes when a CRL is uploaded.
"""
