"""What AWS publishes and every package may share: managed policies, partitions, API models."""
