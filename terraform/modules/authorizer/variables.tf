# Variables of the authorizer have the names of its environment variables, in lower case. docs/configuration.md describes
# them. Without a value, the variable is not set, and the authorizer uses its default.

variable "release_folder" {
  type        = string
  description = "Folder with the release files client-certificate-auth-arm64.zip (or x86_64) and authorizer.zip."
}

variable "name" {
  type        = string
  default     = "client-certificate-auth"
  description = "Beginning of the names of all resources except the bucket and the layer."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,40}$", var.name))
    error_message = "Must be 1 to 40 letters, digits, hyphens and underscores."
  }
}

# Allowed clients

variable "allowed_common_names" {
  type        = list(string)
  default     = null
  description = "Common names to allow. With no lists or rules, no client is allowed."

  validation {
    condition     = var.allowed_common_names == null ? true : length(var.allowed_common_names) > 0 && alltrue([for item in var.allowed_common_names : can(regex("^\\s*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*\\s*$", item))])
    error_message = "Must be names without line breaks. An empty list is an error, because other lists would then allow more clients: null means that this one does not restrict them."
  }
}

variable "allowed_organizational_units" {
  type        = list(string)
  default     = null
  description = "Organizational units to allow."

  validation {
    condition     = var.allowed_organizational_units == null ? true : length(var.allowed_organizational_units) > 0 && alltrue([for item in var.allowed_organizational_units : can(regex("^\\s*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*\\s*$", item))])
    error_message = "Must be names without line breaks. An empty list is an error, because other lists would then allow more clients: null means that this one does not restrict them."
  }
}

variable "allowed_organizations" {
  type        = list(string)
  default     = null
  description = "Organizations to allow."

  validation {
    condition     = var.allowed_organizations == null ? true : length(var.allowed_organizations) > 0 && alltrue([for item in var.allowed_organizations : can(regex("^\\s*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*\\s*$", item))])
    error_message = "Must be names without line breaks. An empty list is an error, because other lists would then allow more clients: null means that this one does not restrict them."
  }
}

variable "allowed_subject_alt_names" {
  type        = list(string)
  default     = null
  description = "Typed subject alternative names to allow, such as DNS:a.example.com."

  validation {
    condition     = var.allowed_subject_alt_names == null ? true : length(var.allowed_subject_alt_names) > 0 && alltrue([for item in var.allowed_subject_alt_names : can(regex("^[\\s\\xa0]*((DNS|URI|email):[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f]|IP:[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+|dirName:[^=\\x00-\\x1f\\x7f-\\x9f]+=[^\\x00-\\x1f\\x7f-\\x9f]*|RID:[012](\\.[0-9]+)+|otherName:[012](\\.[0-9]+)+;(UTF8|DER):[^\\x00-\\x1f\\x7f-\\x9f]*)[\\s\\xa0]*$", item))])
    error_message = "Must be names with their types, such as DNS:a.example.com, without * or / in IP. An empty list is an error, because other lists would then allow more clients: null means that this one does not restrict them."
  }
}

variable "allowed_issuers" {
  type        = list(string)
  default     = null
  description = "Issuers to allow, as RFC 4514 names, such as CN=Issuing CA,O=Acme."

  validation {
    condition     = var.allowed_issuers == null ? true : length(var.allowed_issuers) > 0 && alltrue([for item in var.allowed_issuers : can(regex("^[\\s\\xa0]*[A-Za-z0-9.-]+=([^,+\"<>;\\\\\\x00-\\x1f\\x7f-\\x9f]|\\\\[^\\x00-\\x1f\\x7f-\\x9f]|[,+][A-Za-z0-9.-]+=)*[\\s\\xa0]*$", item)) && !can(regex("(^[\\s\\xa0]*|[^\\\\][,+])[A-Za-z0-9.-]+=(#|\\x20+[^\\s\\xa0])", item))])
    error_message = "Must be distinguished names without spaces around commas and equals signs, such as CN=Issuing CA,O=Acme. An empty list is an error, because other lists would then allow more clients: null means that this one does not restrict them."
  }
}

variable "allowed_fingerprints" {
  type        = list(string)
  default     = null
  description = "SHA-256 fingerprints of certificates to allow, at most about 40."

  validation {
    condition     = var.allowed_fingerprints == null ? true : length(var.allowed_fingerprints) > 0 && alltrue([for item in var.allowed_fingerprints : can(regex("^\\s*(SHA256:)?([0-9A-Fa-f]:?){64}\\s*$", item))])
    error_message = "Must be SHA-256 digests of 64 hexadecimal digits. An empty list is an error, because other lists would then allow more clients: null means that this one does not restrict them."
  }
}

variable "allowed_serial_numbers" {
  type        = list(string)
  default     = null
  description = "Serial numbers to allow, in hexadecimal."

  validation {
    condition     = var.allowed_serial_numbers == null ? true : length(var.allowed_serial_numbers) > 0 && alltrue([for item in var.allowed_serial_numbers : can(regex("^\\s*-?[0-9A-Fa-f][0-9A-Fa-f:]*\\s*$", item))])
    error_message = "Must be hexadecimal numbers. An empty list is an error, because other lists would then allow more clients: null means that this one does not restrict them."
  }

  validation {
    condition     = var.allowed_serial_numbers == null ? true : var.allowed_issuers == null ? false : length(var.allowed_issuers) == 1 && var.allowlist_match != "any"
    error_message = "allowed_serial_numbers requires one issuer in allowed_issuers, and allowlist_match all."
  }
}

variable "allowed_issuer_keys" {
  type        = list(string)
  default     = null
  description = "SHA-256 of the public keys of CAs whose certificates are allowed, in hexadecimal. Requires truststore_uri."

  validation {
    condition     = var.allowed_issuer_keys == null ? true : length(var.allowed_issuer_keys) > 0 && alltrue([for item in var.allowed_issuer_keys : can(regex("^\\s*(SHA256:)?([0-9A-Fa-f]:?){64}\\s*$", item))])
    error_message = "Must be SHA-256 digests of 64 hexadecimal digits. An empty list is an error, because other lists would then allow more clients: null means that this one does not restrict them."
  }
}

variable "allowlist_match" {
  type        = string
  default     = null
  description = "Whether a certificate must match all lists that are set, or any of them. null means all."

  validation {
    condition     = var.allowlist_match == null ? true : contains(["all", "any"], var.allowlist_match)
    error_message = "Must be all or any."
  }
}

variable "allow_any_client_certificate" {
  type        = bool
  default     = false
  description = "Whether to allow any certificate that API Gateway accepts, without lists or rules."
  nullable    = false

  validation {
    condition     = !var.allow_any_client_certificate || alltrue([for list in [var.allowed_common_names, var.allowed_organizational_units, var.allowed_organizations, var.allowed_subject_alt_names, var.allowed_issuers, var.allowed_fingerprints, var.allowed_serial_numbers, var.allowed_issuer_keys] : list == null])
    error_message = "allow_any_client_certificate excludes lists (allowed_common_names to allowed_issuer_keys). A rules document may then only deny."
  }
}

variable "required_extended_key_usage" {
  type        = list(string)
  default     = null
  description = "Extended key usages to require (names or dotted OIDs), or none. null means clientAuth if the certificate restricts its usage."

  validation {
    condition     = var.required_extended_key_usage == null ? true : join(",", var.required_extended_key_usage) == "none" || length(var.required_extended_key_usage) > 0 && alltrue([for item in var.required_extended_key_usage : can(regex("^(serverAuth|clientAuth|codeSigning|emailProtection|timeStamping|OCSPSigning|anyExtendedKeyUsage|[012](\\.[0-9]+)+)$", item))])
    error_message = "Must be serverAuth, clientAuth, codeSigning, emailProtection, timeStamping, OCSPSigning, anyExtendedKeyUsage or dotted OIDs, or only none. An empty list is an error: null means the default."
  }
}

# Rules

variable "authorizer_rules" {
  type        = string
  default     = null
  description = "Rules as a JSON document: jsonencode({...}) or file(...). Keep a document that does not fit 4 KB at authorizer_rules_uri."

  validation {
    condition     = var.authorizer_rules == null ? true : can(keys(jsondecode(var.authorizer_rules)))
    error_message = "Must be a JSON object."
  }

  validation {
    condition     = var.authorizer_rules == null || var.authorizer_rules_uri == null
    error_message = "Set authorizer_rules or authorizer_rules_uri, not both."
  }
}

variable "authorizer_shadow_rules" {
  type        = string
  default     = null
  description = "Shadow rules as a JSON document. They are evaluated and logged, and do not affect decisions."

  validation {
    condition     = var.authorizer_shadow_rules == null ? true : can(keys(jsondecode(var.authorizer_shadow_rules)))
    error_message = "Must be a JSON object."
  }

  validation {
    condition     = var.authorizer_shadow_rules == null || var.authorizer_shadow_rules_uri == null
    error_message = "Set authorizer_shadow_rules or authorizer_shadow_rules_uri, not both."
  }
}

variable "authorizer_rules_uri" {
  type        = string
  default     = null
  description = "Location of rules (s3://bucket/key, ssm:///name, appconfig://app/environment/profile or file:///path)."

  validation {
    condition     = var.authorizer_rules_uri == null ? true : can(regex("^(s3://[A-Za-z0-9][A-Za-z0-9._-]+/[^\\s,*?#$]*[^\\s,*?#$/]|ssm://(/[A-Za-z0-9_.-]+)+(:[A-Za-z0-9_.-]+)?(,(/[A-Za-z0-9_.-]+)+(:[A-Za-z0-9_.-]+)?){0,9}|appconfig://[A-Za-z0-9 ._-]+(/[A-Za-z0-9 ._-]+){2}|file:///.*[^/])$", var.authorizer_rules_uri))
    error_message = "Must be s3://bucket/key, ssm:///name, appconfig://app/environment/profile or file:///path. S3 keys must not contain spaces, commas, *, ?, # and $."
  }
}

variable "authorizer_shadow_rules_uri" {
  type        = string
  default     = null
  description = "Location of the shadow rules, in the form of authorizer_rules_uri."

  validation {
    condition     = var.authorizer_shadow_rules_uri == null ? true : can(regex("^(s3://[A-Za-z0-9][A-Za-z0-9._-]+/[^\\s,*?#$]*[^\\s,*?#$/]|ssm://(/[A-Za-z0-9_.-]+)+(:[A-Za-z0-9_.-]+)?(,(/[A-Za-z0-9_.-]+)+(:[A-Za-z0-9_.-]+)?){0,9}|appconfig://[A-Za-z0-9 ._-]+(/[A-Za-z0-9 ._-]+){2}|file:///.*[^/])$", var.authorizer_shadow_rules_uri))
    error_message = "Must be s3://bucket/key, ssm:///name, appconfig://app/environment/profile or file:///path. S3 keys must not contain spaces, commas, *, ?, # and $."
  }
}

variable "authorizer_rules_refresh_seconds" {
  type        = number
  default     = null
  description = "Interval at which rules at a URI are reloaded. null means 60."

  validation {
    condition     = var.authorizer_rules_refresh_seconds == null ? true : var.authorizer_rules_refresh_seconds >= 1 && var.authorizer_rules_refresh_seconds <= 86400 && floor(var.authorizer_rules_refresh_seconds) == var.authorizer_rules_refresh_seconds
    error_message = "Must be a whole number from 1 to 86400."
  }
}

# A list, because Terraform must know its length when it plans, and knows the ARN of a new policy only later.
variable "authorizer_policy_arns" {
  type        = list(string)
  default     = []
  description = "Managed policies to add to the authorizer's role, such as one with kms:Decrypt for your own key."
  nullable    = false

  validation {
    condition     = alltrue([for item in var.authorizer_policy_arns : can(regex("^(arn:aws(-[a-z]+)*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+)$", item))])
    error_message = "Must be ARNs of managed policies."
  }
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Managed policy that is the permissions boundary of all roles, if your organization requires one."

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^(arn:aws(-[a-z]+)*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+)$", var.permissions_boundary_arn))
    error_message = "Must be the ARN of a managed policy."
  }
}

# Revocation

variable "crl_uris" {
  type        = list(string)
  default     = null
  description = "CRLs and prefixes (s3://bucket/ca.crl, s3://bucket/crl/ or files). null means no revocation checks."

  validation {
    condition     = var.crl_uris == null ? true : length(var.crl_uris) > 0 && alltrue([for item in var.crl_uris : can(regex("^(s3://[A-Za-z0-9][A-Za-z0-9._-]+/[^\\s,*?#$]*[^\\s,*?#$/]/?|file:///[^,]*[^,/]/?)$", item))])
    error_message = "Must be URIs without spaces, commas, *, ?, # and $. An empty list is an error, because no certificate would be checked for revocation: set null if that is meant."
  }

  validation {
    condition     = var.crl_uris == null ? true : length(distinct([for item in var.crl_uris : split(":", item)[0]])) <= 1
    error_message = "Must all be in S3, or all be files."
  }

  validation {
    condition     = var.crl_uris == null ? true : length(distinct(var.crl_uris)) == length(var.crl_uris)
    error_message = "Must not contain a URI twice."
  }
}

variable "truststore_uri" {
  type        = string
  default     = null
  description = "CA certificates for crl_uris and allowed_issuer_keys (the API's truststore). Required with them and with create_crl_bucket."

  validation {
    condition     = var.truststore_uri == null ? true : can(regex("^(s3://[A-Za-z0-9][A-Za-z0-9._-]+/[^\\s,*?#$]*[^\\s,*?#$/]|file:///[^,]*[^,/])$", var.truststore_uri))
    error_message = "Must be a URI such as s3://bucket/truststore.pem, without spaces, commas, *, ?, # and $."
  }

  validation {
    condition     = var.truststore_uri != null || (var.crl_uris == null && var.allowed_issuer_keys == null && !var.create_crl_bucket)
    error_message = "crl_uris, allowed_issuer_keys and create_crl_bucket require truststore_uri, with the CA certificates."
  }

  validation {
    condition     = var.truststore_uri == null || var.create_crl_bucket || local.uses_truststore
    error_message = "Without crl_uris no certificate is checked for revocation: set crl_uris, or remove truststore_uri. Only allowed_issuer_keys, and issuer_key in rules, need it alone."
  }
}

variable "crl_check" {
  type        = string
  default     = null
  description = "Require a CRL of the CA that issued the client certificate (client), or of each CA in the chain (chain). null means client."

  validation {
    condition     = var.crl_check == null ? true : contains(["client", "chain"], var.crl_check)
    error_message = "Must be client or chain."
  }

  validation {
    condition     = var.crl_check == null || var.crl_uris != null
    error_message = "Without crl_uris no certificate is checked for revocation: set crl_uris, or remove crl_check."
  }
}

variable "crl_refresh_seconds" {
  type        = number
  default     = null
  description = "Interval at which CRLs and the truststore are reloaded. null means 300."

  validation {
    condition     = var.crl_refresh_seconds == null ? true : var.crl_refresh_seconds >= 1 && var.crl_refresh_seconds <= 86400 && floor(var.crl_refresh_seconds) == var.crl_refresh_seconds
    error_message = "Must be a whole number from 1 to 86400."
  }

  validation {
    condition     = var.crl_refresh_seconds == null || var.truststore_uri != null || var.crl_uris != null
    error_message = "Without crl_uris no certificate is checked for revocation: set crl_uris, or remove crl_refresh_seconds."
  }
}

variable "crl_failure_mode" {
  type        = string
  default     = null
  description = "Deny or allow certificates whose revocation status is unknown. With allow, a revoked certificate is allowed if its CRL is missing. null means deny."

  validation {
    condition     = var.crl_failure_mode == null ? true : contains(["deny", "allow"], var.crl_failure_mode)
    error_message = "Must be deny or allow."
  }

  validation {
    condition     = var.crl_failure_mode == null || var.crl_uris != null
    error_message = "Without crl_uris no certificate is checked for revocation: set crl_uris, or remove crl_failure_mode."
  }
}

variable "crl_max_age_seconds" {
  type        = number
  default     = null
  description = "How many seconds a CRL stays valid after its nextUpdate. null means 0."

  validation {
    condition     = var.crl_max_age_seconds == null ? true : var.crl_max_age_seconds >= 0 && var.crl_max_age_seconds <= 31536000 && floor(var.crl_max_age_seconds) == var.crl_max_age_seconds
    error_message = "Must be a whole number from 0 to 31536000."
  }

  validation {
    condition     = var.crl_max_age_seconds == null || var.crl_uris != null || var.create_crl_bucket
    error_message = "Without crl_uris no certificate is checked for revocation: set crl_uris, or remove crl_max_age_seconds."
  }
}

variable "crl_assume_complete" {
  type        = list(string)
  default     = []
  description = "CRLs of crl_uris that have a name, but also cover certificates without distribution points."
  nullable    = false

  validation {
    condition     = alltrue([for item in var.crl_assume_complete : contains(local.crl_uris, item) && !endswith(item, "/")])
    error_message = "Each must be one of crl_uris, and not a prefix."
  }
}

variable "crl_exempt_issuers" {
  type        = list(string)
  default     = []
  description = "SHA-256 of the public keys of CAs that publish no CRL, in hexadecimal."
  nullable    = false

  validation {
    condition     = alltrue([for item in var.crl_exempt_issuers : can(regex("^([0-9A-Fa-f]{64})$", item))])
    error_message = "Must be SHA-256 digests of 64 hexadecimal digits."
  }

  validation {
    condition     = length(var.crl_exempt_issuers) == 0 || var.crl_uris != null
    error_message = "Without crl_uris no certificate is checked for revocation: set crl_uris, or remove crl_exempt_issuers."
  }
}

variable "crl_bucket_name" {
  type        = string
  default     = null
  description = "Bucket with the indexes of CRLs, which the authorizer may then read. Nothing but the indexer may write indexes to it."

  validation {
    condition     = var.crl_bucket_name == null ? true : can(regex("^([a-z0-9][a-z0-9-]{1,61}[a-z0-9])$", var.crl_bucket_name))
    error_message = "Must be 3 to 63 lower-case letters, digits and hyphens."
  }

  validation {
    condition     = var.crl_bucket_name != null || !var.create_crl_bucket
    error_message = "create_crl_bucket requires crl_bucket_name."
  }

  validation {
    condition     = var.crl_bucket_name == null || var.crl_uris != null || var.create_crl_bucket
    error_message = "Without crl_uris no certificate is checked for revocation: set crl_uris, or remove crl_bucket_name."
  }
}

variable "create_crl_bucket" {
  type        = bool
  default     = false
  description = "Whether to create crl_bucket_name, and the indexer that verifies each CRL uploaded to it. Apply this before you set crl_uris."
  nullable    = false
}

# Who writes CRLs, with create_crl_bucket

variable "private_ca_arns" {
  type        = list(string)
  default     = []
  description = "ARNs of CAs of AWS Private CA. Each may write crl/<CA ID>.crl and CRLs below crl/<CA ID>/."
  nullable    = false

  validation {
    condition     = alltrue([for item in var.private_ca_arns : can(regex("^(arn:aws(-[a-z]+)*:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/[0-9a-f-]{36})$", item))])
    error_message = "Must be ARNs of certificate authorities."
  }

  validation {
    condition     = length(var.private_ca_arns) == 0 || var.create_crl_bucket
    error_message = "private_ca_arns requires create_crl_bucket."
  }
}

variable "publisher_role_arns" {
  type        = list(string)
  default     = []
  description = "ARNs of IAM roles that publish CRLs. Each may write CRLs below published/<role name>/, and nothing else in the bucket. Roles with a path are not supported."
  nullable    = false

  validation {
    condition     = alltrue([for item in var.publisher_role_arns : can(regex("^(arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9+=.@_-]{1,64})$", item))])
    error_message = "Must be ARNs of IAM roles without a path."
  }

  validation {
    condition     = length(distinct([for item in var.publisher_role_arns : regex("[^/]*$", item)])) == length(var.publisher_role_arns)
    error_message = "Must have different names: roles of the same name would share a folder."
  }

  validation {
    condition     = length(var.publisher_role_arns) == 0 || var.create_crl_bucket
    error_message = "publisher_role_arns requires create_crl_bucket."
  }
}

variable "crl_sources" {
  type        = map(string)
  default     = {}
  description = "CRLs to download: keys that end in .crl, by URLs. They are stored below fetched/. Empty means that there is no fetcher."
  nullable    = false

  validation {
    condition     = alltrue([for url, key in var.crl_sources : can(regex("^https?://.+$", url)) && endswith(key, ".crl")])
    error_message = "Must be a map from http or https URLs to keys that end in .crl."
  }

  validation {
    condition     = length(distinct(values(var.crl_sources))) == length(var.crl_sources)
    error_message = "Must not contain a key twice: one CRL would replace the other."
  }

  validation {
    condition     = length(var.crl_sources) == 0 || var.create_crl_bucket
    error_message = "crl_sources requires create_crl_bucket."
  }
}

variable "crl_source_private_hosts" {
  type        = list(string)
  default     = []
  description = "Hosts of crl_sources whose addresses may be private. Only if you trust their DNS server."
  nullable    = false

  validation {
    condition     = alltrue([for item in var.crl_source_private_hosts : can(regex("^([A-Za-z0-9._:-]+)$", item))])
    error_message = "Must be host names or IP addresses."
  }

  validation {
    condition     = length(var.crl_source_private_hosts) == 0 || length(var.crl_sources) > 0
    error_message = "crl_source_private_hosts requires crl_sources."
  }
}

variable "fetcher_subnet_ids" {
  type        = list(string)
  default     = []
  description = "Subnets to run the fetcher in, to reach private hosts. They need a route to S3, such as a gateway endpoint."
  nullable    = false

  validation {
    condition     = alltrue([for item in var.fetcher_subnet_ids : can(regex("^(subnet-[0-9a-f]+)$", item))])
    error_message = "Must be IDs of subnets."
  }

  validation {
    condition     = (length(var.fetcher_subnet_ids) == 0) == (length(var.fetcher_security_group_ids) == 0)
    error_message = "Set both fetcher_subnet_ids and fetcher_security_group_ids, or neither."
  }

  validation {
    condition     = length(var.fetcher_subnet_ids) == 0 || length(var.crl_sources) > 0
    error_message = "fetcher_subnet_ids requires crl_sources."
  }
}

variable "fetcher_security_group_ids" {
  type        = list(string)
  default     = []
  description = "Security groups of the fetcher. Together with fetcher_subnet_ids."
  nullable    = false

  validation {
    condition     = alltrue([for item in var.fetcher_security_group_ids : can(regex("^(sg-[0-9a-f]+)$", item))])
    error_message = "Must be IDs of security groups."
  }
}

variable "crl_fetch_schedule" {
  type        = string
  default     = "rate(1 hour)"
  description = "When to download CRLs, as an expression of EventBridge. Choose less than half of the validity of a CRL."
  nullable    = false

  validation {
    condition     = can(regex("^(rate|cron)\\([A-Za-z0-9 ,*?/#-]+\\)$", var.crl_fetch_schedule))
    error_message = "Must be an expression such as rate(1 hour) or cron(0 * * * ? *)."
  }
}

# Buckets and responses

variable "s3_bucket_owner" {
  type        = string
  default     = null
  description = "AWS account that owns the buckets of all s3:// URIs; S3 denies requests for buckets of any other. null means the provider's account."

  validation {
    condition     = var.s3_bucket_owner == null ? true : can(regex("^([0-9]{12})$", var.s3_bucket_owner))
    error_message = "Must be the 12 digits of an account ID."
  }
}

variable "response_format" {
  type        = string
  default     = null
  description = "Response to HTTP APIs with payload 2.0 (iam or simple), others always get an IAM policy. null means iam."

  validation {
    condition     = var.response_format == null ? true : contains(["iam", "simple"], var.response_format)
    error_message = "Must be iam or simple."
  }
}

variable "unauthenticated_response" {
  type        = string
  default     = null
  description = "Response if the certificate is missing or malformed, unauthorized (401) or deny (403). null means 401 on REST APIs, and 403 on HTTP APIs."

  validation {
    condition     = var.unauthenticated_response == null ? true : contains(["unauthorized", "deny"], var.unauthenticated_response)
    error_message = "Must be unauthorized or deny."
  }
}

variable "principal_id" {
  type        = string
  default     = null
  description = "The part of the certificate that becomes the principal ID: common_name, subject_dn, fingerprint, serial_number, or a JSON object with the key from. null means common_name."

  validation {
    condition     = var.principal_id == null ? true : can(regex("^(common_name|subject_dn|fingerprint|serial_number|\\s*[{][\\s\\S]*[}]\\s*)$", var.principal_id))
    error_message = "Must be common_name, subject_dn, fingerprint, serial_number, or a JSON object."
  }
}

variable "client_cert_header" {
  type        = bool
  default     = false
  description = "Whether the context contains the certificate as in the header Client-Cert."
  nullable    = false
}

# Logging and monitoring

variable "log_decisions" {
  type        = string
  default     = null
  description = "Decisions to log. null means all."

  validation {
    condition     = var.log_decisions == null ? true : contains(["all", "denied", "none"], var.log_decisions)
    error_message = "Must be all, denied or none."
  }
}

variable "log_retention_in_days" {
  type        = number
  default     = 90
  description = "How many days to keep the logs."
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_in_days)
    error_message = "Must be a number of days that CloudWatch Logs supports, such as 30, 90 or 365."
  }
}

variable "expiry_warning_days" {
  type        = number
  default     = null
  description = "Warn of certificates that expire within this number of days. null means 30."

  validation {
    condition     = var.expiry_warning_days == null ? true : var.expiry_warning_days >= 0 && var.expiry_warning_days <= 3650 && floor(var.expiry_warning_days) == var.expiry_warning_days
    error_message = "Must be a whole number from 0 to 3650."
  }
}

variable "metrics_namespace" {
  type        = string
  default     = null
  description = "CloudWatch namespace for the metrics, such as Partners/Authorizer. null means no metrics, dashboard or alarms of the authorizer."

  validation {
    condition     = var.metrics_namespace == null ? true : can(regex("^[A-Za-z0-9._/#-]{1,255}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "Must contain only letters, digits and .-_/#, and not begin with AWS/."
  }
}

variable "tracing" {
  type        = bool
  default     = false
  description = "Whether the authorizer sends traces to AWS X-Ray."
  nullable    = false
}

variable "deploy_dashboard" {
  type        = bool
  default     = true
  description = "Whether to create the dashboard. It requires metrics_namespace."
  nullable    = false
}

variable "deploy_alarms" {
  type        = bool
  default     = true
  description = "Whether to create alarms: for the authorizer, which requires metrics_namespace, and for the indexer and the fetcher."
  nullable    = false
}

variable "alarm_topic_arn" {
  type        = string
  default     = null
  description = "SNS topic that the alarms notify. null means that they only appear in CloudWatch."

  validation {
    condition     = var.alarm_topic_arn == null ? true : can(regex("^(arn:aws(-[a-z]+)*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+)$", var.alarm_topic_arn))
    error_message = "Must be the ARN of an SNS topic, not a FIFO topic."
  }

  validation {
    condition     = var.alarm_topic_arn == null || var.metrics_namespace != null || var.create_crl_bucket
    error_message = "Without metrics_namespace and create_crl_bucket, there are no alarms: set metrics_namespace, or remove alarm_topic_arn."
  }
}

variable "duration_alarm_milliseconds" {
  type        = number
  default     = 1000
  description = "Alarm if, in each of three periods of 5 minutes, one in a hundred invocations takes longer than this number of milliseconds."
  nullable    = false

  validation {
    condition     = var.duration_alarm_milliseconds >= 1 && var.duration_alarm_milliseconds <= 5000
    error_message = "Must be from 1 to 5000."
  }
}

variable "revocation_list_alarm_seconds" {
  type        = number
  default     = 21600
  description = "Alarm if a CRL expires in this number of seconds or less. Choose less than is left when its CA issues the next one."
  nullable    = false

  validation {
    condition     = var.revocation_list_alarm_seconds >= 1
    error_message = "Must be at least 1."
  }
}

variable "expiry_alarm_days" {
  type        = number
  default     = 7
  description = "Alarm if the certificate of an allowed client expires in this number of days or less."
  nullable    = false

  validation {
    condition     = var.expiry_alarm_days >= 0 && var.expiry_alarm_days <= 3650
    error_message = "Must be from 0 to 3650."
  }
}

variable "truststore_expiry_alarm_days" {
  type        = number
  default     = 30
  description = "Alarm if a CA certificate of the truststore expires in this number of days or less."
  nullable    = false

  validation {
    condition     = var.truststore_expiry_alarm_days >= 0 && var.truststore_expiry_alarm_days <= 3650
    error_message = "Must be from 0 to 3650."
  }
}

# Runtime

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "Processor architecture of the functions and the layer."
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Must be arm64 or x86_64."
  }
}

variable "snap_start" {
  type        = bool
  default     = false
  description = "Whether new execution environments of the authorizer are restored from a snapshot."
  nullable    = false

  validation {
    condition     = !var.snap_start || var.provisioned_concurrency == 0
    error_message = "Set snap_start or provisioned_concurrency, not both."
  }
}

variable "provisioned_concurrency" {
  type        = number
  default     = 0
  description = "How many execution environments of the authorizer to keep initialized."
  nullable    = false

  validation {
    condition     = var.provisioned_concurrency >= 0
    error_message = "Must be at least 0."
  }
}
