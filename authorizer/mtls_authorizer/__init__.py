"""A Lambda REQUEST authorizer for Amazon API Gateway that lets in the client certificates that are listed."""
