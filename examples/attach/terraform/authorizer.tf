# The authorizer with its layer, role and log, in front of both APIs.

module "authorizer" {
  source = "../../../terraform/modules/authorizer"

  release_folder       = var.release_folder
  allowed_common_names = var.allowed_common_names
}
