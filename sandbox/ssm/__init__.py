"""SSM documents and SSM Automation, which the emulator lacks."""
