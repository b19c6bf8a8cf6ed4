"""Amazon API Gateway on your own machine, as a Lambda authorizer for client certificates sees it.

It includes other front doors, as a function with the layer sees them: an Application Load Balancer in either mode, and
CloudFront. A web page explains the result of each request.

A development tool: it uses real mutual TLS on loopback, the real authorizer, and real functions. The sample APIs have
no identity sources and cache no responses, as the authorizer's template requires.
"""
