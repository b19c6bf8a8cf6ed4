"""An AWS account as it can be read: APIs, domain names, functions, and the commands of the AWS CLI about them."""
