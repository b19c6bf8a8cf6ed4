"""What commands are given: certificates in bundles, logs in all forms of CloudWatch, and advice about other files."""
