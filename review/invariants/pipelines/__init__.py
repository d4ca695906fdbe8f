"""Invariants of pipelines."""
