"""The CDK stacks and constructs: they translate the model and decide nothing."""
