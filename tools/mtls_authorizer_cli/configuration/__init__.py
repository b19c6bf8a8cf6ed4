"""The configuration of a function: its variables, its rules, truststore and CRLs, from files, URIs or AWS."""
