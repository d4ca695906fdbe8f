"""The guide's story, played in the sandbox with the real CDK CLI, AWS CLI and SDK.

Knows the project's commands and AWS APIs only: imports neither the model nor the stacks.
"""
