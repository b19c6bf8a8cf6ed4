# The CAs of AWS Private CA and the roles that may write CRLs to the bucket.

locals {
  # From AWS's guide to Private CA, which writes complete CRLs to crl/<CA ID>.crl, all others below CustomPath: set that to
  # crl/<CA ID>. The test key is written when the CA is configured.
  private_cas_read = [for arns in [var.private_ca_arns] : {
    Sid       = "PrivateCasReadThePropertiesOfTheBucket"
    Effect    = "Allow"
    Principal = { Service = "acm-pca.amazonaws.com" }
    Action    = ["s3:GetBucketAcl", "s3:GetBucketLocation"]
    Resource  = local.crl_bucket_arn
    Condition = { StringEquals = { "aws:SourceArn" = arns } }
  } if length(arns) > 0]

  private_cas_write = [for index, arn in var.private_ca_arns : {
    Sid       = "PrivateCa${index + 1}"
    Effect    = "Allow"
    Principal = { Service = "acm-pca.amazonaws.com" }
    Action    = ["s3:PutObject", "s3:PutObjectAcl"]
    Resource = [
      "${local.crl_bucket_arn}/crl/${split("/", arn)[1]}.crl",
      "${local.crl_bucket_arn}/crl/${split("/", arn)[1]}/*",
      "${local.crl_bucket_arn}/acm-pca-permission-test-key*",
    ]
    Condition = { StringEquals = { "aws:SourceArn" = arn, "aws:SourceAccount" = split(":", arn)[4] } }
  }]

  publishers = flatten([for index, arn in var.publisher_role_arns : [
    {
      Sid       = "Publisher${index + 1}"
      Effect    = "Allow"
      Principal = { AWS = arn }
      Action    = "s3:PutObject"
      Resource  = "${local.crl_bucket_arn}/published/${split("/", arn)[1]}/*"
    },
    {
      Sid         = "Publisher${index + 1}NowhereElse"
      Effect      = "Deny"
      Principal   = "*"
      NotAction   = ["s3:Get*", "s3:List*"]
      NotResource = "${local.crl_bucket_arn}/published/${split("/", arn)[1]}/*"
      Condition   = { ArnEquals = { "aws:PrincipalArn" = arn } }
    },
  ]])

  writers = concat(local.private_cas_read, local.private_cas_write, local.publishers)
}
