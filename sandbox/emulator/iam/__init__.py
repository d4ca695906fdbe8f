"""IAM in the emulator: authorization, managed policies, passwords, root."""
