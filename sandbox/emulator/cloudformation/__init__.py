"""CloudFormation in the emulator: roles of stacks, conditions, handlers of IAM resources."""
