"""The inputs of commands: certificates in bundles, logs in all forms of CloudWatch, times, and other files."""
