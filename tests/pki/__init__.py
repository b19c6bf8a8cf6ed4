"""Certificates, CAs, CRLs and their indexes, made byte by byte."""
