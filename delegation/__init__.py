"""The model of delegated administration: who may run which runbooks, and what these may do.

Imports neither ``aws_cdk`` nor ``boto3`` and makes no AWS call.
"""
