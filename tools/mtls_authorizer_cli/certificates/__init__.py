"""Certificates in files: what a file contains, and which certificate in it is the client's."""
