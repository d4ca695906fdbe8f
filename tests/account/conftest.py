"""The account that the tests of the doctor share: each restores what it changes."""

import json
from collections.abc import Iterator

import pytest

from review.templates.cloud_assembly import Assembly
from sandbox import Sandbox
from tests.account.company import ARN, DEPLOYER, EC2, STACKS, WANTED, Company, allow, trust
from tests.stacks.synthesis import written

_QUICKLY = {"Delay": 0.1, "MaxAttempts": 200}


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """An account of its own, as the stacks' templates make it; a trail records."""
    assembly = Assembly(written(WANTED, tmp_path_factory.mktemp("doctor") / "assembly"))
    with Sandbox() as sandbox:
        found = Company(sandbox, assembly.folder)
        for role in ("OnCall", "Author"):
            found.iam.create_role(RoleName=role, AssumeRolePolicyDocument=EC2)
        found.iam.put_role_policy(
            RoleName="Author",
            PolicyName="Own",
            PolicyDocument=allow("sts:AssumeRole", f"{ARN}:role/Author*"),
        )
        found.iam.create_role(
            RoleName=DEPLOYER, AssumeRolePolicyDocument=trust({"AWS": f"{ARN}:root"})
        )
        found.ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
        for name in STACKS:
            (stack,) = assembly.named(name)
            found.stacks.create_stack(
                StackName=name,
                TemplateBody=json.dumps(stack.template),
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            waiter = found.stacks.get_waiter("stack_create_complete")
            waiter.wait(StackName=name, WaiterConfig=_QUICKLY)
        found.trails.create_trail(Name="all", S3BucketName="trails", IsMultiRegionTrail=True)
        found.trails.start_logging(Name="all")
        yield found
