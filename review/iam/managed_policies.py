"""AWS managed policies, from their text in ``aws_facts/policies/``, each with its date."""

from functools import cache

from aws_facts.managed_policies import managed_policies
from review.errors import ReviewError
from review.iam.statements import Policy, read_policy


@cache
def aws_managed_policy(arn: str) -> Policy:
    """The policy of this ARN, in any partition; ReviewError if its text is not known."""
    path = arn.split(":", 5)[5]
    for text in managed_policies():
        if text.path == path:
            policy = read_policy(text.name, text.document)
            name = f"{policy.name} ({text.version}, {text.date})"
            return Policy(name=name, statements=policy.statements)
    raise ReviewError(
        f"the text of the AWS managed policy {arn} is not in aws_facts/policies/; "
        f"add it as NAME.json with Arn, VersionId, UpdateDate and Document"
    )
