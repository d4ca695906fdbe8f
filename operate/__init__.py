"""The operator CLI and the audit, on AWS and in the sandbox alike.

Knows AWS's APIs only: neither templates nor ``deployments.py``. ``python -m operate --help``.
"""
