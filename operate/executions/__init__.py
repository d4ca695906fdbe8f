"""Executions: started, followed, explained, and their history."""
