"""What is promised of those who write runbooks: they deploy RunbooksStack, and run nothing."""

from collections.abc import Iterator

from review.grants import ASSUME_ROLE, Access
from review.judge import SOMEBODY_ELSES_RUNBOOK, Decision, Judge, names
from review.operator_promises import START, anything_but
from review.patterns import overlap
from review.principals import Part, Principal
from review.promises import Promise, Proof, promise, told

_OF_DEPLOYMENT = tuple(
    f"cloudformation:{call}"
    for call in (
        *("DeleteChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeStackEvents"),
        *("DescribeStackResources", "DescribeStacks", "ExecuteChangeSet", "GetTemplate"),
    )
)
"""What the CDK CLI calls for a deployment. Source: CDK CLI 2.1148.1."""
_OWN = {
    *_OF_DEPLOYMENT,
    *(ASSUME_ROLE, "iam:PassRole", "cloudformation:CreateChangeSet"),
    *("cloudformation:ContinueUpdateRollback", "cloudformation:RollbackStack"),
    *("cloudformation:UpdateTerminationProtection", "ssm:GetParameter", "ssm:GetParameters"),
    *("s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetEncryptionConfiguration"),
    *("s3:GetObject", "s3:ListBucket", "s3:PutObject"),
    *("ssm:AddTagsToResource", "ssm:CreateDocument", "ssm:DeleteDocument"),
    *("ssm:DescribeDocument", "ssm:GetDocument", "ssm:ListTagsForResource"),
    *("ssm:RemoveTagsFromResource", "ssm:UpdateDocument", "ssm:UpdateDocumentDefaultVersion"),
}
"""What the author's roles do, each a part of it."""
_WRITING_LEVELS = {"Write", "Tagging", "Permissions management"}
_RUNBOOKS_STACK, _ADMINISTRATION_STACK = "RunbooksStack", "AdministrationStack"
_CLOUDFORMATION, _AUTOMATION = "cloudformation.amazonaws.com", "ssm.amazonaws.com"


def author_promises(judge: Judge) -> Iterator[Promise]:
    """The promises about authors, where the templates give them roles of their own."""
    roles = judge.account.having(Part.AUTHOR_ROLE)
    if not roles:
        return
    authors = names(judge.account.having(Part.AUTHOR)) or "the authors"
    yield promise(
        "authors-run-nothing",
        f"{authors} cannot start or stop a run, nor do anything but deploy runbooks",
        _runs(judge),
    )
    yield promise(
        "authors-write-these-runbooks",
        f"{authors} can change this deployment's runbooks and no other document",
        _writes(judge),
    )
    yield promise(
        "authors-pass-service-roles-to-automation",
        f"{authors} can pass this deployment's service roles to Automation and no other role",
        _passes(judge),
    )
    yield promise(
        "authors-deploy-runbooks-stack",
        f"{authors} can deploy {_RUNBOOKS_STACK} and no other stack, nor replace its template",
        _deploys(judge),
    )
    yield promise(
        "author-roles-are-the-authors",
        f"only {authors} and CloudFormation can assume the author's roles",
        _assumed(judge),
    )


def _accesses(judge: Judge) -> tuple[Access, ...]:
    return judge.accesses_of(Part.AUTHOR, Part.AUTHOR_ROLE)


def _runs(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in _accesses(judge):
        findings += anything_but(access, _OWN)
        decisions += [
            judge.ask(access.principal, START, arn, expected=False)
            for runbook in judge.account.runbooks
            for arn in runbook.arns
        ]
    return Proof(tuple(findings), tuple(decisions))


def _writes(judge: Judge) -> Proof:
    actions = judge.engine.actions()
    approved = {arn for runbook in judge.account.runbooks for arn in runbook.arns}
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in _accesses(judge):
        wrong = [
            grant
            for grant in access.grants
            if grant.action.startswith("ssm:")
            and (found := actions.get(grant.action)) is not None
            and _WRITING_LEVELS & set(found.levels)
            and grant.resource not in approved
        ]
        findings += told(access, wrong)
    other = judge.ssm_arn(f"document/{SOMEBODY_ELSES_RUNBOOK}")
    for role in _execution_roles(judge):
        for action in ("ssm:CreateDocument", "ssm:UpdateDocument"):
            decisions += [judge.ask(role, action, arn, expected=True) for arn in sorted(approved)]
            decisions.append(judge.ask(role, action, other, expected=False))
        decisions += [
            judge.ask(role, "ssm:ModifyDocumentPermission", arn, expected=False)
            for arn in sorted(approved)
        ]
    return Proof(tuple(findings), tuple(decisions))


def _passes(judge: Judge) -> Proof:
    services = judge.account.having(Part.SERVICE_ROLE)
    executions = _execution_roles(judge)
    allowed = {(role.arn, _AUTOMATION) for role in services}
    allowed |= {(role.arn, _CLOUDFORMATION) for role in executions}
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in _accesses(judge):
        wrong = [
            grant
            for grant in access.on("iam:PassRole")
            if not any(
                grant.resource == arn
                and f"iam:PassedToService StringEquals {service}" in grant.conditions
                for arn, service in allowed
            )
        ]
        findings += told(access, wrong)
    for role in executions:
        for service_role in services:
            decisions += [
                judge.ask(
                    role,
                    "iam:PassRole",
                    service_role.arn,
                    expected=service == _AUTOMATION,
                    context={"iam:PassedToService": service},
                )
                for service in (_AUTOMATION, "ec2.amazonaws.com", _CLOUDFORMATION)
            ]
        decisions.append(
            judge.ask(
                role,
                "iam:PassRole",
                f"{_iam(judge)}:role/SomebodyElsesRole",
                expected=False,
                context={"iam:PassedToService": _AUTOMATION},
            )
        )
    return Proof(tuple(findings), tuple(decisions))


def _deploys(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    own = f"arn:*:cloudformation:*:*:stack/{_RUNBOOKS_STACK}/*"
    templates = [
        f"arn:{judge.account.place.partition}:s3:::{asset}"
        for stack, asset in judge.account.templates
        if not stack.startswith(_RUNBOOKS_STACK)
    ]
    for access in _accesses(judge):
        wrong = [
            grant
            for grant in access.grants
            if (grant.action.startswith("cloudformation:") and not _is_on(grant.resource, own))
            or (
                grant.action == "s3:PutObject"
                and any(overlap(grant.resource, template) for template in templates)
            )
        ]
        findings += told(access, wrong)
        decisions += [
            judge.ask(access.principal, "s3:PutObject", template, expected=False)
            for template in templates
        ]
        decisions.append(
            judge.ask(
                access.principal,
                "cloudformation:ExecuteChangeSet",
                _stack(judge, _ADMINISTRATION_STACK),
                expected=False,
            )
        )
    for role in judge.account.having(Part.AUTHOR_ROLE):
        decisions += _deployment_calls(judge, role)
        if role.name != "AuthorDeploymentRole":
            continue
        stack = _stack(judge, _RUNBOOKS_STACK)
        change = "cloudformation:CreateChangeSet"
        for execution in _execution_roles(judge):
            context = {"cloudformation:RoleArn": execution.arn}
            decisions.append(judge.ask(role, change, stack, expected=True, context=context))
        decisions.append(judge.ask(role, change, stack, expected=False))
        bootstrap = f"{_iam(judge)}:role/cdk-hnb659fds-cfn-exec-role"
        context = {"cloudformation:RoleArn": bootstrap}
        decisions.append(judge.ask(role, change, stack, expected=False, context=context))
    return Proof(tuple(findings), tuple(decisions))


def _deployment_calls(judge: Judge, role: Principal) -> Iterator[Decision]:
    """What a deployment of RunbooksStack takes of a role, each with a twin that it does not."""
    own, other = _stack(judge, _RUNBOOKS_STACK), _stack(judge, _ADMINISTRATION_STACK)
    templates = [
        f"arn:{judge.account.place.partition}:s3:::{asset}"
        for stack, asset in judge.account.templates
        if stack.startswith(_RUNBOOKS_STACK)
    ]
    if role.name == "AuthorDeploymentRole":
        for action in _OF_DEPLOYMENT:
            yield judge.ask(role, action, own, expected=True)
            yield judge.ask(role, action, other, expected=False)
        for template in templates:
            yield judge.ask(role, "s3:GetObject", template, expected=True)
    if role.name == "AuthorPublishingRole":
        for template in templates:
            bucket, _, prefix = template.partition("/")
            yield judge.ask(role, "s3:PutObject", template, expected=True)
            yield judge.ask(role, "s3:AbortMultipartUpload", template, expected=True)
            for listed, expected in ((prefix, True), ("", False)):
                yield judge.ask(
                    role,
                    "s3:ListBucket",
                    bucket,
                    expected=expected,
                    context={"s3:prefix": listed},
                )
            yield judge.ask(role, "s3:GetBucketLocation", bucket, expected=True)
            yield judge.ask(role, "s3:GetEncryptionConfiguration", bucket, expected=True)


def _is_on(resource: str, own: str) -> bool:
    return resource.split(":stack/")[-1].split("/")[0] == _RUNBOOKS_STACK and overlap(resource, own)


def _assumed(judge: Judge) -> Proof:
    account = judge.account
    authors = {author.arn for author in account.having(Part.AUTHOR)}
    decisions: list[Decision] = []
    findings: list[str] = []
    for role in account.having(Part.AUTHOR_ROLE):
        findings += [
            f"{role.name} trusts {value}"
            for statement in (role.trust.statements if role.trust else ())
            for _, value in statement.principals
            if value != _CLOUDFORMATION and (value not in authors or value.endswith(":root"))
        ]
        decisions += [
            judge.ask(other, ASSUME_ROLE, role.arn, expected=False, trust=role.trust)
            for other in account.having(Part.OPERATOR, Part.APPROVER, Part.SERVICE_ROLE)
        ]
        root = f"{_iam(judge)}:root"
        decisions.append(judge.ask_trust(root, role, expected=False))
    return Proof(tuple(findings), tuple(decisions))


def _execution_roles(judge: Judge) -> tuple[Principal, ...]:
    return tuple(
        role
        for role in judge.account.having(Part.AUTHOR_ROLE)
        if role.trust
        and any(("Service", _CLOUDFORMATION) in s.principals for s in role.trust.statements)
    )


def _stack(judge: Judge, name: str) -> str:
    place = judge.account.place
    return (
        f"arn:{place.partition}:cloudformation:{place.region}:{place.account}:stack/{name}/example"
    )


def _iam(judge: Judge) -> str:
    return f"arn:{judge.account.place.partition}:iam::{judge.account.place.account}"
