"""The CDK app: what every ``cdk`` command works on. The user's files are beside it."""

from stacks.app import main

main()
