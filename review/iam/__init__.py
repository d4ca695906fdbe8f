"""IAM as values: statements, patterns, conditions, and the simulator that decides."""
