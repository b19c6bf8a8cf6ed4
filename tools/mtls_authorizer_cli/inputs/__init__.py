"""The inputs of commands: settings and documents, certificates in bundles, logs in all forms of CloudWatch, times."""
