"""Indexes of CRLs: ``format`` writes and reads them, ``crl_index`` searches one, ``indexing`` makes one."""
