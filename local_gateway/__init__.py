"""Amazon API Gateway on your own machine, as far as a Lambda authorizer for client certificates can observe it.

It also contains an Application Load Balancer in either mode, and CloudFront, as far as a function with the layer can
observe them.

This is a development tool: it terminates real mutual TLS on loopback, invokes the real authorizer, and calls real
functions. The sample APIs have no identity sources and cache no responses, which is also what the templates configure.
"""
