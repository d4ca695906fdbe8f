"""Runbooks: loaded from documents/, checked, and the permissions that their steps need."""
