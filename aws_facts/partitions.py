"""The partitions of AWS in which the project is known to work."""

IAM_HOMES = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""The Region whose event bus receives IAM's events, by partition.
Source: IAM User Guide, Logging IAM and AWS STS API calls with AWS CloudTrail."""
PARTITIONS = tuple(IAM_HOMES)
"""Elsewhere, the console's sign-in link is unknown."""
CONSOLE_HOSTS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""Host of the console by partition, after a Region.
Source: AWS Management Console Getting Started Guide, Region-specific console."""
