"""More accounts of the account's organization.

Each begins with the role that AWS Organizations makes in an account which it creates: everything is
allowed to it, and it trusts the account that manages the organization.
Source: AWS Organizations User Guide, Accessing member accounts.
"""

import json
from collections.abc import Iterable

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import iam

from sandbox.sandbox import MEMBER_ROLE

_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def make(accounts: Iterable[str]) -> None:
    """Makes that role in each of these accounts."""
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{get_account_id()}:root"},
        "Action": "sts:AssumeRole",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    for account in accounts:
        with request_scope(account, get_region()):
            iam._create_role({"RoleName": MEMBER_ROLE, "AssumeRolePolicyDocument": policy})
            iam._attach_role_policy({"RoleName": MEMBER_ROLE, "PolicyArn": _ADMINISTRATOR})
