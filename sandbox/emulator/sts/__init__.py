"""STS in the emulator: trust policies, web identity, sessions of services."""
