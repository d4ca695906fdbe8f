"""A company's own bootstrap: its roles deploy, its keys encrypt the staged templates."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.model import Audit, Bootstrap, Deployment, GitHubPipeline, IamUser
from review.access_review import Review, review
from review.errors import ReviewError
from review.iam.engine import Engine
from review.lock.ceiling import compare
from review.lock.facts import Table, facts_of
from review.templates.assembly import given_environment, read_templates
from review.templates.cloud_assembly import Assembly
from tests.stacks.synthesis import deployment, written

_KEY = "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555"
_MAKER = "arn:aws:iam::111122223333:role/it/CloudFormation"
_OWN = Bootstrap(
    deployment_role="arn:${AWS::Partition}:iam::${AWS::AccountId}:role/it/Deploy-${AWS::Region}",
    publishing_role="arn:aws:iam::111122223333:role/it/Publish",
    execution_role=_MAKER,
    keys=(_KEY,),
)


_KEY_USERS = {"authors-run-nothing", "pipeline-reviews-change-nothing"}


def _wanted(**changes: Any) -> Deployment:
    return deployment(
        **{
            "authors": ("arn:aws:iam::111122223333:role/Authors",),
            "pipeline": GitHubPipeline(repositories=("octo-org/runbooks",)),
            "audit": Audit(auditors=(IamUser("auditor"),)),
            "account": "111122223333",
            "regions": ("us-east-1",),
            "bootstrap": _OWN,
            **changes,
        }
    )


def _reviewed(folder: Path, old: str = "", new: str = "") -> Review:
    """The review of an assembly, with a text of its templates replaced."""
    place = given_environment(account="111122223333", region="us-east-1")
    templates = read_templates(folder, place)
    if old:
        texts = [json.dumps(template.body) for template in templates]
        if not any(old in text for text in texts):
            pytest.fail(f"{old} is in no template")
        templates = tuple(
            replace(template, body=json.loads(text.replace(old, new)))
            for template, text in zip(templates, texts, strict=True)
        )
    with Engine() as engine:
        return review(engine, templates)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return Assembly(written(_wanted(), tmp_path_factory.mktemp("own") / "assembly"))


def test_own_roles_deploy_all_but_what_authors_deploy(assembly: Assembly) -> None:
    roles = {stack.name: stack.roles for stack in assembly.stacks}

    deployer = "arn:${AWS::Partition}:iam::111122223333:role/it/Deploy-us-east-1"
    own = (deployer, _OWN.execution_role, _OWN.publishing_role)
    author = "arn:${AWS::Partition}:iam::111122223333:role/Author"
    assert roles == {
        "AdministrationStack": own,
        "PipelineStack": own,
        "AuditStack": own,
        "RunbooksStack": (
            f"{author}DeploymentRole",
            f"{author}ExecutionRole",
            f"{author}PublishingRole",
        ),
    }


def test_review_proves_the_same_and_the_lock_file_names_who_deploys(assembly: Assembly) -> None:
    reviewed = _reviewed(assembly.folder)

    assert not reviewed.violated
    (facts,) = facts_of(reviewed)
    assert {row for row in facts.rows[Table.DEPLOYERS] if "Pipeline" in row[0][0]} == {
        (
            ("PipelineStack in us-east-1",),
            ("changes it",),
            ("arn:aws:iam::111122223333:role/it/Deploy-us-east-1",),
        ),
        (("PipelineStack in us-east-1",), ("makes its resources",), (_MAKER,)),
        (
            ("PipelineStack in us-east-1",),
            ("uploads its template",),
            ("arn:aws:iam::111122223333:role/it/Publish",),
        ),
    }


def test_another_role_that_deploys_is_a_gain(tmp_path: Path, assembly: Assembly) -> None:
    other = replace(_OWN, execution_role="arn:aws:iam::111122223333:role/Administrator")
    before = facts_of(_reviewed(assembly.folder))
    after = facts_of(_reviewed(written(_wanted(bootstrap=other), tmp_path / "assembly")))

    found = compare({facts.heading: dict(facts.rows) for facts in before}, after)

    assert (
        "PipelineStack in us-east-1: what makes its resources: "
        "arn:aws:iam::111122223333:role/Administrator"
    ) in found.gains


def test_every_table_of_the_lock_file_has_a_sentence(assembly: Assembly) -> None:
    (facts,) = facts_of(_reviewed(assembly.folder))

    whole = compare({}, [facts])

    assert len(whole.gains) + len(whole.losses) == sum(map(len, facts.rows.values()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Author{}Role", "cdk-hnb659fds-{}-role-111122223333-us-east-1"),
        ("cdk-hnb659fds-{}-role-111122223333", "cdk-hnb659fds-{}-role-999999999999"),
        ("cdk-hnb659fds-{}-role", "cdk-evil-{}-role"),
    ],
)
def test_assembly_that_other_roles_deploy_is_refused(tmp_path: Path, old: str, new: str) -> None:
    folder = written(_wanted(bootstrap=Bootstrap()), tmp_path / "assembly")
    for path in (folder / "manifest.json", *folder.glob("*.assets.json")):
        text = path.read_text()
        for author, purpose in (
            ("Deployment", "deploy"),
            ("Execution", "cfn-exec"),
            ("Publishing", "file-publishing"),
        ):
            text = text.replace(old.format(author), new.format(purpose))
            text = text.replace(old.format(purpose), new.format(purpose))
        path.write_text(text)

    with pytest.raises(ReviewError, match=r"different roles deploy|not deployed by roles"):
        Assembly(folder)


def test_one_role_may_deploy_in_each_region(tmp_path: Path) -> None:
    role = "arn:aws:iam::111122223333:role/Deploy-us-east-1"
    wanted = _wanted(
        regions=("us-east-1", "eu-west-1"),
        bootstrap=Bootstrap(deployment_role=role),
        authors=(),
        pipeline=None,
    )

    assembly = Assembly(written(wanted, tmp_path / "assembly"))

    assert {stack.deployment_role for stack in assembly.stacks} == {role}


def test_cdks_own_roles_are_in_no_table(tmp_path: Path) -> None:
    reviewed = _reviewed(written(_wanted(bootstrap=Bootstrap()), tmp_path / "assembly"))

    (facts,) = facts_of(reviewed)
    assert not facts.rows[Table.DEPLOYERS]


@pytest.mark.parametrize(
    ("old", "new", "violated"),
    [
        (_KEY, "*", _KEY_USERS),
        (_KEY, _KEY.replace("1111", "4444", 1), _KEY_USERS),
        ('"kms:ViaService"', '"kms:CallerAccount"', _KEY_USERS),
        (
            "role/it/Deploy-us-east-1",
            "role/it/Another",
            {"pipelines-deploy-their-stacks", "duties-are-separate"},
        ),
    ],
)
def test_mutant_that_widens_what_deploys_is_killed(
    assembly: Assembly, old: str, new: str, violated: set[str]
) -> None:
    reviewed = _reviewed(assembly.folder, old, new)

    assert {invariant.id for invariant in reviewed.violated} == violated


@pytest.mark.parametrize("role", ["AuthorExecutionRole", "AuthorDeploymentRole"])
def test_authors_roles_do_not_deploy_the_administrators_stack(
    tmp_path: Path, assembly: Assembly, role: str
) -> None:
    folder = assembly.copy_to(tmp_path / "copy").folder
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace("role/it/CloudFormation", f"role/{role}"))

    with pytest.raises(ReviewError, match="not deployed by roles of cdk bootstrap or of an author"):
        Assembly(folder)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Bootstrap(deployment_role="Deploy"),
            "deployment_role of the Bootstrap 'Deploy' is not the ARN of a role, its name of at "
            "most 64 characters (arn:${AWS::Partition}:iam::${AWS::AccountId}:role/NAME-"
            "${AWS::Region}) (deployments.py)",
        ),
        (
            lambda: Bootstrap(keys=("alias/staging",)),
            "key 'alias/staging' of the Bootstrap is not a KMS key ARN "
            "(arn:PARTITION:kms:REGION:ACCOUNT:key/ID; an alias is not enough) (deployments.py)",
        ),
        (
            lambda: _wanted(account="444455556666", authors=(), pipeline=None),
            "'arn:aws:iam::111122223333:role/it/Publish' of the Bootstrap is not of the "
            "deployment's account and partition (deployments.py)",
        ),
        (
            lambda: _wanted(regions=("cn-north-1",), authors=(), pipeline=None),
            "'arn:aws:iam::111122223333:role/it/Publish' of the Bootstrap is not of the "
            "deployment's account and partition (deployments.py)",
        ),
        (
            lambda: _wanted(bootstrap="acme"),
            "bootstrap 'acme' is not a Bootstrap (deployments.py)",
        ),
    ],
)
def test_bad_bootstraps_are_refused(make: Any, message: str) -> None:
    with pytest.raises(DelegationError) as refused:
        make()

    assert str(refused.value) == message
