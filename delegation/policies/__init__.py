"""The IAM statements of each persona, and the quotas that they must fit into."""
