"""What the account records of executions, and whom it notifies."""
