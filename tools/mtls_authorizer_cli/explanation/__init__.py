"""Explanations of decisions: the checks of API Gateway and of the authorizer, every rule, and advice."""
