"""Stores of documents: files, and Amazon S3, SSM and AppConfig."""
