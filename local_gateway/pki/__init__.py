"""The CAs and clients of a local gateway: their certificates and CRLs, where they are kept and published."""
