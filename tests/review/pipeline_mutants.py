"""Mutants of PipelineStack: what a change of it could slip in."""

from tests.review.mutants import Body, Mutants, Mutate, granting, named, trust_of, trusting

_GITHUB = "token.actions.githubusercontent.com"
_SUBJECT = f"{_GITHUB}:sub"


def of_pipelines(body: Body) -> Mutants:
    """What a change of PipelineStack could slip in."""
    review, runbooks = "PipelineReviewRole", "PipelineRunbooksRole"
    policy, of_doctor = f"{review}Permissions", "PipelineDoctorRolePermissions"
    return {
        "review executes change sets": granting(policy, "cloudformation:ExecuteChangeSet"),
        "review deletes stacks": granting(policy, "cloudformation:DeleteStack"),
        "review writes every template": granting(policy, "s3:PutObject"),
        "review assumes every role": granting(policy, "sts:AssumeRole"),
        "review starts runbooks": granting(policy, "ssm:StartAutomationExecution"),
        "the doctor reads what is stored": granting(of_doctor, "s3:GetObject"),
        "the doctor deletes rules": granting(of_doctor, "events:DeleteRule"),
        "the doctor assumes every role": granting(of_doctor, "sts:AssumeRole"),
        "pull requests run the doctor": _with_subject(
            "PipelineDoctorRole", "repo:octo-org/runbooks:pull_request"
        ),
        "comparisons may do anything": granting("PipelineComparisonRolePermissions", "*"),
        "comparisons are trusted to the account": trusting(
            "PipelineComparisonRole", {"AWS": "arn:aws:iam::111122223333:root"}
        ),
        "a fork reviews": _with_subject(review, "repo:mallory/runbooks:pull_request"),
        "every repository reviews": _with_subject(review, "repo:*:pull_request"),
        "pull requests deploy": _with_subject(runbooks, "repo:octo-org/runbooks:pull_request"),
        "a branch deploys without its environment": _with_subject(
            runbooks, "repo:octo-org/runbooks:ref:refs/heads/main"
        ),
        "runbooks' jobs deploy administration": _with_subject(
            "PipelineAdministrationRole", "repo:octo-org/runbooks:environment:runbooks"
        ),
        "subjects by pattern": _subjects_by_pattern,
        "another host's tokens": _another_host,
        "another account's provider": _another_accounts_provider,
        "the account may assume what deploys": trusting(
            runbooks, {"AWS": "arn:aws:iam::111122223333:root"}
        ),
        "operators may assume what deploys": trusting(
            runbooks, {"AWS": "arn:aws:iam::111122223333:user/AutomationRestrictedOperator"}
        ),
        "runbooks' jobs assume CDK's roles": _holding_administrations,
    }


def _with_subject(role: str, subject: str) -> Mutate:
    return lambda body: trust_of(body, role)["Condition"]["StringEquals"][_SUBJECT].append(subject)


def _subjects_by_pattern(body: Body) -> None:
    condition = trust_of(body, "PipelineRunbooksRole")["Condition"]
    condition["StringLike"] = {_SUBJECT: ["repo:octo-org/*"]}
    del condition["StringEquals"][_SUBJECT]


def _another_host(body: Body) -> None:
    trust = trust_of(body, "PipelineRunbooksRole")
    trust["Principal"]["Federated"] = "arn:aws:iam::111122223333:oidc-provider/gitlab.com"


def _another_accounts_provider(body: Body) -> None:
    trust = trust_of(body, "PipelineRunbooksRole")
    trust["Principal"]["Federated"] = f"arn:aws:iam::999999999999:oidc-provider/{_GITHUB}"


def _holding_administrations(body: Body) -> None:
    held = named(body, "PipelineAdministrationRole")["ManagedPolicyArns"]
    named(body, "PipelineRunbooksRole")["ManagedPolicyArns"] = held
