"""SSM documents: their store, their API, and their resource type in CloudFormation."""
