"""What ``mtls-authorizer rules check`` reports: problems of a rules document, and doubtful rules."""
