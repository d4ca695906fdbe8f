"""Mutants of templates: each statement taken away, each resource widened, each condition dropped,
and the grants and memberships that a reviewer must not miss."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from review.templates.assembly import Template

Body = dict[str, Any]
Path = tuple[str, ...]
Spot = tuple[Path, int]
"""The path to a list of statements, and a statement's number in it."""
Mutate = Callable[[Body], object]
Mutants = dict[str, Mutate]

_OPERATORS_POLICY, _ROLE = "OperatorRestrictedPermissions", "AutomationServiceRole"
_BOUNDED = ("AutomationServiceRoleNeeds", "AutomationImageRoleNeeds")
"""Policies whose holders have a boundary: gain of access them changes nothing, which has its own
test."""


def mutated(
    templates: tuple[Template, ...], mutate: Mutate, *, stack: str = "AdministrationStack"
) -> tuple[Template, ...]:
    """The templates with that of one stack changed."""
    changed = []
    for template in templates:
        body = copy.deepcopy(template.body)
        if template.stack == stack:
            mutate(body)
            assert body != template.body
        changed.append(replace(template, body=body))
    return tuple(changed)


def with_runbook(
    templates: tuple[Template, ...], name: str, edit: Callable[[Body], Any]
) -> tuple[Template, ...]:
    """The templates with a runbook's content edited."""
    changed = []
    for template in templates:
        body = copy.deepcopy(template.body)
        for resource in body["Resources"].values():
            if resource["Properties"].get("Name") == name:
                edit(resource["Properties"]["Content"])
        changed.append(replace(template, body=body))
    return tuple(changed)


def template_of(stack: str, templates: tuple[Template, ...]) -> Body:
    """The template of a stack."""
    (found,) = [t.body for t in templates if t.stack == stack]
    return found


def removals(body: Body) -> Mutants:
    """Each statement of each policy and trust taken away."""
    return {
        f"{name} without {statement['Sid']}": partial(_remove, places)
        for name, statement, places in _statements(body)
    }


def widenings(body: Body) -> Mutants:
    """Each resource of each allow widened to ``*``."""
    return {
        f"{name}/{statement['Sid']} on * instead of resource {which}": partial(
            _widen, places, which
        )
        for name, statement, places in _statements(body)
        if statement["Effect"] == "Allow"
        for which, resource in enumerate(statement.get("Resource", ()))
        if resource != "*"
    }


def droppings(body: Body) -> Mutants:
    """Each condition of each statement dropped, and each boundary of a role."""
    found: Mutants = {
        f"{name}/{statement['Sid']} without {key}": partial(_drop, places, operator, key)
        for name, statement, places in _statements(body)
        for operator, keys in statement.get("Condition", {}).items()
        for key in keys
    }
    for id_, resource in body["Resources"].items():
        properties = resource.get("Properties", {})
        if "PermissionsBoundary" in properties:
            found[f"{properties['RoleName']} without its boundary"] = partial(_unbound, id_)
    return found


def additions(body: Body) -> Mutants:
    """What a change could slip in."""
    return {
        "operator lends what is not denied": _lending,
        "operator gains PassRole": granting(_OPERATORS_POLICY, "iam:PassRole"),
        "operator gains ssm:Get*": granting(_OPERATORS_POLICY, "ssm:Get*"),
        "operator gains a future wildcard": granting(_OPERATORS_POLICY, "ssm:NotYetInvented*"),
        "operator gains what no data knows": granting(_OPERATORS_POLICY, "ssm:BrandNewAction"),
        "operator gains SendCommand": granting(_OPERATORS_POLICY, "ssm:SendCommand"),
        "operator is granted all but IAM": _all_but(_OPERATORS_POLICY, "iam:*"),
        "operator gains a stray inline policy": _inline("AutomationRestrictedOperator"),
        "operator joins the authors": _operator_joins_authors,
        "operator joins the approvers": _operator_joins_approvers,
        "operator is attached an AWS managed policy": _attached,
        "operator reads a runbook of others": _reading_others,
        "operator loses Start": _losing(_OPERATORS_POLICY, "ssm:StartAutomationExecution"),
        "approver gains Start of a document": granting(
            "ApproverRestrictedPermissions", "ssm:UpdateDocument"
        ),
        "service role is trusted to EC2": trusting(_ROLE, {"Service": "ec2.amazonaws.com"}),
        "service role is trusted to the account": trusting(
            _ROLE, {"AWS": "arn:aws:iam::111122223333:root"}
        ),
        "service role's boundary gains TerminateInstances": granting(
            f"{_ROLE}Boundary", "ec2:TerminateInstances"
        ),
        "author role is trusted to the account": trusting(
            "AuthorDeploymentRole", {"AWS": "arn:aws:iam::111122223333:root"}
        ),
        "author gains Start": granting(
            "AuthorDeploymentRolePermissions", "ssm:StartAutomationExecution"
        ),
        "author gains CreateUser": granting("AuthorExecutionRolePermissions", "iam:CreateUser"),
        "somebody else appears": _stranger,
    }


def attacks(body: Body) -> Mutants:
    """What hides a grant from a reader who drops what he does not understand."""
    return {
        "operator is in a group of nobody's": _in_group("Administrators"),
        "operator starts a tag's runbook": _on(
            "ssm:StartAutomationExecution", f"{_SSM}:document/${{aws:PrincipalTag/Runbook}}"
        ),
        "operator starts a default's runbook": _on(
            "ssm:StartAutomationExecution",
            f"{_SSM}:document/${{aws:PrincipalTag/none, 'Another'}}",
        ),
        "operator is allowed on part of an ARN": _on("ec2:TerminateInstances", "arn:aws:ec2"),
        "operator is allowed over colons": _on(
            "lambda:InvokeFunction", "arn:aws:lambda:*:function:Admin*"
        ),
        "operator is allowed on two stars": _on("ec2:DescribeInstances", "**"),
        "operator is allowed all but one resource": _granting_as(
            {"Action": ["ec2:StopInstances"], "NotResource": [f"{_SSM}:document/None"]}
        ),
        "operator is allowed under a condition that he meets": _granting_as(
            {
                "Action": ["ec2:StopInstances"],
                "Resource": ["*"],
                "Condition": {"StringEqualsIfExists": {"aws:RequestedRegion": "eu-west-1"}},
            }
        ),
        "author assumes everything": granting("AuthorDeploymentRolePermissions", "sts:AssumeRole"),
        "author reads every parameter": granting(
            "AuthorDeploymentRolePermissions", "ssm:GetParameter"
        ),
        "author writes every object": granting("AuthorPublishingRolePermissions", "s3:PutObject"),
        "another author is trusted by one role alone": _author_of_one_role,
        "an operator is an author by another path": _operator_by_path,
        "service role is trusted to two accounts": _two_accounts,
        "operator is denied signals with MFA only": _denied_with_mfa,
        "a macro makes the template": lambda body: body.update(Transform=["Macro"]),
        "a parameter decides who is there": _by_parameter,
        "a queue is shared": lambda body: body["Resources"].update(
            Shared={"Type": "AWS::SQS::QueueInlinePolicy", "Properties": {}}
        ),
    }


def of_bounded_policies(body: Body) -> Mutants:
    """Everything granted to a role that has a boundary."""
    held = {name for name, _, _ in _blocks(body)} & set(_BOUNDED)
    return {name: granting(name, "*") for name in sorted(held)}


def _statements(body: Body) -> Iterator[tuple[str, Body, list[Spot]]]:
    """Each statement with its policy's name and its spots.

    One that a boundary and a policy within it both hold (keys of volumes) is one statement in two
    places: changed in one of them, it still stands in the other.
    """
    blocks = list(_blocks(body))
    for name, path, block in blocks:
        if name in _BOUNDED:
            continue
        for number, statement in enumerate(block):
            twins = [
                (other, n)
                for twin, other, statements in blocks
                for n, each in enumerate(statements)
                if twin in _BOUNDED and each == statement
            ]
            yield name, statement, [(path, number), *twins]


def _blocks(body: Body) -> Iterator[tuple[str, Path, list[Any]]]:
    """Each list of statements: its policy's name, the path to it, and itself."""
    for id_, resource in body["Resources"].items():
        properties = resource.get("Properties", {})
        for key, name in (
            ("PolicyDocument", properties.get("ManagedPolicyName")),
            ("AssumeRolePolicyDocument", f"trust of {properties.get('RoleName')}"),
        ):
            if key in properties:
                path = ("Resources", id_, "Properties", key, "Statement")
                yield str(name), path, properties[key]["Statement"]


def _block(body: Body, path: Path) -> list[Any]:
    place: Any = body
    for key in path:
        place = place[key]
    block: list[Any] = place
    return block


def _remove(places: list[Spot], body: Body) -> None:
    for path, number in places:
        del _block(body, path)[number]


def _widen(places: list[Spot], which: int, body: Body) -> None:
    for path, number in places:
        _block(body, path)[number]["Resource"][which] = "*"


def _drop(places: list[Spot], operator: str, key: str, body: Body) -> None:
    for path, number in places:
        del _block(body, path)[number]["Condition"][operator][key]


def _unbound(id_: str, body: Body) -> None:
    del body["Resources"][id_]["Properties"]["PermissionsBoundary"]


def named(body: Body, name: str) -> Body:
    """The properties of the policy, role or user of a name."""
    keys = ("ManagedPolicyName", "RoleName", "UserName")
    (found,) = [
        resource["Properties"]
        for resource in body["Resources"].values()
        if name in [resource.get("Properties", {}).get(key) for key in keys]
    ]
    properties: Body = found
    return properties


def granting(policy: str, action: str) -> Mutate:
    """A policy that allows an action on everything besides."""
    statement = {"Sid": "SlippedIn", "Effect": "Allow", "Action": [action], "Resource": ["*"]}
    return lambda body: named(body, policy)["PolicyDocument"]["Statement"].append(statement)


def _all_but(policy: str, action: str) -> Mutate:
    statement = {"Sid": "SlippedIn", "Effect": "Allow", "NotAction": [action], "Resource": ["*"]}
    return lambda body: named(body, policy)["PolicyDocument"]["Statement"].append(statement)


def _losing(policy: str, action: str) -> Mutate:
    def mutate(body: Body) -> None:
        for statement in named(body, policy)["PolicyDocument"]["Statement"]:
            statement["Action"] = [each for each in statement["Action"] if each != action]

    return mutate


def trusting(role: str, principal: Body) -> Mutate:
    """A role that trusts a principal besides."""
    statement = {
        "Sid": "SlippedIn",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sts:AssumeRole",
    }
    return lambda body: named(body, role)["AssumeRolePolicyDocument"]["Statement"].append(statement)


def _inline(user: str) -> Mutate:
    statement = {"Effect": "Allow", "Action": "ec2:StopInstances", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyName": "Stray", "PolicyDocument": document, "Users": [user]},
    }
    return lambda body: body["Resources"].update(Stray=policy)


def _operator_joins_authors(body: Body) -> None:
    for statement in named(body, "AuthorDeploymentRole")["AssumeRolePolicyDocument"]["Statement"]:
        statement["Principal"]["AWS"].append(
            "arn:aws:iam::111122223333:user/AutomationRestrictedOperator"
        )


def _operator_joins_approvers(body: Body) -> None:
    body["Resources"]["Joins"] = {
        "Type": "AWS::IAM::UserToGroupAddition",
        "Properties": {
            "GroupName": "AutomationApprovers",
            "Users": ["AutomationRestrictedOperator"],
        },
    }


def _attached(body: Body) -> None:
    named(body, "AutomationRestrictedOperator")["ManagedPolicyArns"] = [
        "arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole"
    ]


def _stranger(body: Body) -> None:
    body["Resources"]["Stranger"] = {
        "Type": "AWS::IAM::User",
        "Properties": {"UserName": "stranger"},
    }


_SSM = "arn:aws:ssm:eu-west-1:111122223333"


def _granting_as(grant: Body) -> Mutate:
    statement = {"Sid": "SlippedIn", "Effect": "Allow", **grant}
    return lambda body: named(body, _OPERATORS_POLICY)["PolicyDocument"]["Statement"].append(
        statement
    )


def _on(action: str, resource: str) -> Mutate:
    return _granting_as({"Action": [action], "Resource": [resource]})


def _in_group(group: str) -> Mutate:
    return lambda body: named(body, "AutomationRestrictedOperator")["Groups"].append(group)


def trust_of(body: Body, role: str) -> Body:
    """The first statement of a role's trust."""
    statement: Body = named(body, role)["AssumeRolePolicyDocument"]["Statement"][0]
    return statement


def _author_of_one_role(body: Body) -> None:
    trust_of(body, "AuthorPublishingRole")["Principal"]["AWS"].append(
        "arn:aws:iam::111122223333:user/another"
    )


def _operator_by_path(body: Body) -> None:
    for role in ("AuthorDeploymentRole", "AuthorPublishingRole"):
        trust_of(body, role)["Principal"]["AWS"].append(
            "arn:aws:iam::111122223333:role/team/ONCALL"
        )


def _two_accounts(body: Body) -> None:
    equals = trust_of(body, _ROLE)["Condition"]["StringEquals"]
    equals["aws:SourceAccount"] = ["111122223333", "222222222222"]


def _denied_with_mfa(body: Body) -> None:
    for statement in named(body, _OPERATORS_POLICY)["PolicyDocument"]["Statement"]:
        if statement["Effect"] == "Deny":
            statement["Condition"] = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}


def _reading_others(body: Body) -> None:
    named(body, _OPERATORS_POLICY)["PolicyDocument"]["Statement"].append(
        {
            "Sid": "SlippedIn",
            "Effect": "Allow",
            "Action": ["ssm:GetDocument"],
            "Resource": ["arn:aws:ssm:us-east-1:111122223333:document/Payroll"],
        }
    )


def _lending(body: Body) -> None:
    (denial,) = named(body, "DenyOwnPermissionsInRunbooks")["PolicyDocument"]["Statement"]
    denial["NotAction"].append("rds:*")


def _by_parameter(body: Body) -> None:
    body.setdefault("Parameters", {})["Emergency"] = {"Type": "String", "Default": "no"}
    body["Conditions"] = {"Open": {"Fn::Equals": [{"Ref": "Emergency"}, "yes"]}}
    body["Resources"]["Helper"] = {
        "Type": "AWS::IAM::User",
        "Condition": "Open",
        "Properties": {"UserName": "helper"},
    }
