"""Amazon API Gateway on your own machine, as far as a Lambda authorizer for client certificates can tell.

Beside it are other front doors, as far as a function with the layer can tell: an Application Load Balancer in either
mode, and CloudFront.

A development tool: it speaks real mutual TLS on loopback, asks the real authorizer, and calls real functions. It
never caches what an authorizer answered, and has no identity sources, which is what the authorizer's template asks
of the real one.
"""
