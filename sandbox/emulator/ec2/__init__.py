"""EC2 in the emulator: calls that it lacks, and the resources that calls are authorized on."""
