# A function with the layer, behind both APIs.

resource "aws_lambda_function" "with_layer" {
  function_name    = "with-client-certificate-auth"
  runtime          = "python3.13"
  architectures    = ["arm64"] # that of the layer
  layers           = [module.authorizer.layer_arn]
  role             = aws_iam_role.function.arn
  handler          = "layer_only.handler"
  filename         = data.archive_file.function.output_path
  source_code_hash = data.archive_file.function.output_base64sha256
}

data "archive_file" "function" {
  type        = "zip"
  source_file = "${path.module}/../../layer_only.py"
  output_path = "${path.module}/.terraform/function.zip"
}

resource "aws_iam_role" "function" {
  name = "with-client-certificate-auth"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "function" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}
