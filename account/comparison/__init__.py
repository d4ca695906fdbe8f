"""What exists, compared with what was synthesized: stacks, documents, IAM, recording, settings."""
