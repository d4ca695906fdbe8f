"""SSM Automation: executions, the role they assume, and the steps they run."""
