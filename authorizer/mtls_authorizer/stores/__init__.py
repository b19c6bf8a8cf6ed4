"""Stores of documents: files, Amazon S3, Systems Manager parameters (SSM) and AppConfig."""
