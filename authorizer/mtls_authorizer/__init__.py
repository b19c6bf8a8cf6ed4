"""A Lambda REQUEST authorizer for Amazon API Gateway that allows listed client certificates."""
