# All resources of the authorizer module.
release_folder             = "release"
metrics_namespace          = "Partners/Authorizer"
provisioned_concurrency    = 1
create_crl_bucket          = true
crl_bucket_name            = "lists"
truststore_uri             = "s3://lists/truststore.pem"
private_ca_arns            = ["arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/01234567-89ab-cdef-0123-456789abcdef"]
publisher_role_arns        = ["arn:aws:iam::123456789012:role/publisher"]
crl_sources                = { "http://crl.example.com/ca.crl" = "ca.crl" }
fetcher_subnet_ids         = ["subnet-0123456789abcdef0"]
fetcher_security_group_ids = ["sg-0123456789abcdef0"]
