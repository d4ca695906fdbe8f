"""What an assembly must be to be deployed unattended, each refusal with its whole error."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from delegation.model import Audit, IamUser
from pipeline.template_changes import template_changes
from review.errors import ReviewError
from review.templates.cloud_assembly import Assembly
from tests.stacks.synthesis import deployment, written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The assembly of the default deployment."""
    return _written(tmp_path / "assembly")


def _written(folder: Path, **changes: Any) -> Path:
    return written(deployment(**changes), folder)


def _edit(path: Path, edit: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_digest_is_that_of_the_files_that_deploy(folder: Path, tmp_path: Path) -> None:
    names = [
        *(f"AdministrationStack.{kind}.json" for kind in ("assets", "metadata", "template")),
        *(f"RunbooksStack.{kind}.json" for kind in ("assets", "metadata", "template")),
        "manifest.json",
    ]
    lines = "".join(f"{sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names)

    assert Assembly(folder).digest == sha256(lines.encode()).hexdigest()
    assert Assembly(_written(tmp_path / "again")).digest == Assembly(folder).digest


@pytest.mark.parametrize("name", ["manifest.json", "RunbooksStack.metadata.json"])
def test_every_such_file_changes_the_digest(folder: Path, name: str) -> None:
    before = Assembly(folder).digest

    with (folder / name).open("a") as file:
        file.write("\n")

    assert Assembly(folder).digest != before


def test_what_no_deployment_reads_is_left_behind(folder: Path, tmp_path: Path) -> None:
    before = Assembly(folder).digest
    (folder / "change.md").write_text("")
    (folder / "cdk.json").write_text('{"build": "touch ran"}')

    copy = Assembly(folder).copy_to(tmp_path / "copy")

    assert copy.digest == Assembly(folder).digest == before
    assert not (copy.folder / "cdk.json").exists()


def test_stacks_are_reported_with_what_deploys_them(tmp_path: Path) -> None:
    folder = _written(
        tmp_path / "elsewhere",
        account="111122223333",
        regions=("eu-west-1", "us-east-1"),
        authors=("arn:aws:iam::111122223333:user/author",),
    )

    found = [
        (s.id, s.name, s.account, s.region, s.deployment_role.rsplit("/", 1)[1], s.bucket)
        for s in Assembly(folder).stacks
    ]

    bucket = "cdk-hnb659fds-assets-111122223333"
    role = "cdk-hnb659fds-deploy-role-111122223333-eu-west-1"
    assert found == [
        (
            "AdministrationStack-111122223333",
            "AdministrationStack",
            "111122223333",
            "eu-west-1",
            role,
            f"{bucket}-eu-west-1",
        ),
        *(
            (
                f"RunbooksStack-111122223333-{region}",
                "RunbooksStack",
                "111122223333",
                region,
                "AuthorDeploymentRole",
                f"{bucket}-{region}",
            )
            for region in ("eu-west-1", "us-east-1")
        ),
    ]


def _command(assets: Any) -> None:
    (asset,) = assets["files"].values()
    asset["source"] = {"executable": ["touch", "ran"]}


def _elsewhere(assets: Any) -> None:
    (asset,) = assets["files"].values()
    asset["source"]["path"] = "../secrets.json"


def _runbooks(manifest: Any) -> Any:
    return manifest["artifacts"]["RunbooksStack"]["properties"]


def _destination(assets: Any) -> Any:
    (asset,) = assets["files"].values()
    (destination,) = asset["destinations"].values()
    return destination


_ASSETS = "RunbooksStack.assets.json"
_ELSEWHERE = (
    "stack RunbooksStack (RunbooksStack) of {folder} deploys another template than it uploads, or "
    "not from the bucket of cdk bootstrap; run: make synth"
)
_NOT_OURS = (
    "stack RunbooksStack (RunbooksStack) of {folder} is none of this project, or not deployed by "
    "roles of cdk bootstrap or of an author; run: make synth"
)
_REFUSED: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "a command instead of a template": (
        _ASSETS,
        _command,
        f"{_ASSETS} holds an asset that is not a template; nothing else is deployed here",
    ),
    "an image": (
        _ASSETS,
        lambda assets: assets.update(dockerImages={"0a": {}}),
        f"{_ASSETS} holds an asset that is not a template; nothing else is deployed here",
    ),
    "an image beside no file": (
        _ASSETS,
        lambda assets: assets.update(files={}, dockerImages={"0a": {}}),
        f"{_ASSETS} holds an asset that is not a template; nothing else is deployed here",
    ),
    "a file elsewhere": (
        _ASSETS,
        _elsewhere,
        f"{_ASSETS} holds an asset that is not a template; nothing else is deployed here",
    ),
    "a template elsewhere": (
        "manifest.json",
        lambda manifest: _runbooks(manifest).update(templateFile="../secrets.json"),
        f"{_ASSETS} holds an asset that is not a template; nothing else is deployed here",
    ),
    "a stack of no bootstrap": (
        "manifest.json",
        lambda manifest: _runbooks(manifest).pop("assumeRoleArn"),
        _NOT_OURS,
    ),
    "a stack deployed by somebody else": (
        "manifest.json",
        lambda manifest: _runbooks(manifest).update(
            cloudFormationExecutionRoleArn="arn:aws:iam::111122223333:role/Admin"
        ),
        _NOT_OURS,
    ),
    "another stack": (
        "manifest.json",
        lambda manifest: _runbooks(manifest).update(stackName="Payroll"),
        _NOT_OURS.replace("stack RunbooksStack", "stack Payroll"),
    ),
    "an option for an id": (
        "manifest.json",
        lambda manifest: manifest["artifacts"]["RunbooksStack"].update(displayName="--plugin=x"),
        "stack RunbooksStack (RunbooksStack) of {folder} is called '--plugin=x', which the CDK CLI "
        "may take for an option or for others; run: make synth",
    ),
    "another template than the one that is uploaded": (
        "manifest.json",
        lambda manifest: _runbooks(manifest).update(stackTemplateAssetObjectUrl="s3://evil/x.json"),
        _ELSEWHERE,
    ),
    "another key": (
        _ASSETS,
        lambda assets: _destination(assets).update(objectKey="runbooks/rollout.lease"),
        _ELSEWHERE,
    ),
    "another bucket": (
        _ASSETS,
        lambda assets: _destination(assets).update(bucketName="evil"),
        _ELSEWHERE,
    ),
    "another uploader": (
        _ASSETS,
        lambda assets: _destination(assets).update(assumeRoleArn="arn:aws:iam::1:role/Admin"),
        _NOT_OURS,
    ),
    "a role of another account's path": (
        "manifest.json",
        lambda manifest: _runbooks(manifest).update(
            assumeRoleArn="arn:aws:iam::999999999999:role/path/cdk-x-deploy-role-999999999999-x"
        ),
        _NOT_OURS,
    ),
    "a role of the account that is not CDK's, for one stack alone": (
        "manifest.json",
        lambda manifest: _runbooks(manifest).update(
            assumeRoleArn="arn:${AWS::Partition}:iam::${AWS::AccountId}:role/Admin"
        ),
        "{folder} has stacks of one account that different roles deploy, one of them "
        "RunbooksStack; run: make synth",
    ),
    "a folder that is packed": (
        _ASSETS,
        lambda assets: next(iter(assets["files"].values()))["source"].update(packaging="zip"),
        f"{_ASSETS} holds an asset that is not a template; nothing else is deployed here",
    ),
    "a folder in the metadata": (
        "manifest.json",
        lambda manifest: manifest["artifacts"]["RunbooksStack"].update(
            metadata={"/RunbooksStack": [{"type": "aws:cdk:asset", "data": {"path": "/"}}]}
        ),
        "stack RunbooksStack (RunbooksStack) of {folder} holds metadata of type aws:cdk:asset, "
        "which no review evaluates; run: make synth",
    ),
    "a folder in the metadata beside it": (
        "RunbooksStack.metadata.json",
        lambda metadata: metadata.update(x=[{"type": "aws:cdk:asset", "data": {"path": "/"}}]),
        "stack RunbooksStack (RunbooksStack) of {folder} holds metadata of type aws:cdk:asset, "
        "which no review evaluates; run: make synth",
    ),
    "what was not looked up": (
        "manifest.json",
        lambda manifest: manifest.update(missing=[]),
        "{folder} has unresolved context lookups",
    ),
    "a topic that is reported": (
        "manifest.json",
        lambda manifest: _runbooks(manifest).update(notificationArns=["arn:aws:sns:::t"]),
        "stack RunbooksStack (RunbooksStack) of {folder} is deployed with notificationArns, which "
        "no review evaluates; run: make synth",
    ),
    "the same stack twice": (
        "manifest.json",
        lambda manifest: manifest["artifacts"].update(Twice=manifest["artifacts"]["RunbooksStack"]),
        "stack Twice (Twice) of {folder} is called 'RunbooksStack', which the CDK CLI may take for "
        "an option or for others; run: make synth",
    ),
    "an assembly within": (
        "manifest.json",
        lambda manifest: manifest["artifacts"].update(Inner={"type": "cdk:cloud-assembly"}),
        "{folder} holds Inner, cdk:cloud-assembly, which no review evaluates; run: make synth",
    ),
    "no stack": (
        "manifest.json",
        lambda manifest: manifest["artifacts"].clear(),
        "{folder}/manifest.json names no stack",
    ),
    "another form": (
        "manifest.json",
        lambda manifest: manifest["artifacts"]["RunbooksStack"].pop("environment"),
        "{folder} is not of the form that CDK writes: KeyError: 'environment'; run: make synth",
    ),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_assembly_that_would_do_more_is_refused(folder: Path, case: str) -> None:
    name, edit, message = _REFUSED[case]
    _edit(folder / name, edit)

    with pytest.raises(ReviewError) as caught:
        Assembly(folder)

    assert str(caught.value) == message.format(folder=folder)


def test_folder_without_an_assembly_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ReviewError) as caught:
        Assembly(tmp_path)

    assert str(caught.value) == (
        f"{tmp_path} holds no manifest.json; write an assembly: make synth"
    )


def test_link_out_of_the_assembly_is_refused(folder: Path, tmp_path: Path) -> None:
    template = folder / "RunbooksStack.template.json"
    template.rename(tmp_path / "elsewhere.json")
    template.symlink_to(tmp_path / "elsewhere.json")

    with pytest.raises(ReviewError) as caught:
        Assembly(folder)

    assert str(caught.value) == f"{template} is a link; put the file itself there"


def test_template_changes_name_elements_and_properties(folder: Path, tmp_path: Path) -> None:
    authored = _written(tmp_path / "other", authors=("arn:aws:iam::111122223333:user/author",))
    path = authored / "RunbooksStack.template.json"
    before = Assembly(folder)
    old = path.read_bytes()

    def edit(template: Any) -> None:
        document = template["Resources"]["RestartEC2InstanceDemo"]
        document["Properties"]["Content"]["description"] = "Another"
        document["DeletionPolicy"] = "Retain"
        template["Resources"]["Queue"] = {"Type": "AWS::SQS::QueueInlinePolicy"}
        template["Outputs"].clear()
        template["Description"] = "Another"

    _edit(path, edit)
    for name in (_ASSETS, "manifest.json"):
        text = (authored / name).read_text()
        new = sha256(path.read_bytes()).hexdigest()
        (authored / name).write_text(text.replace(sha256(old).hexdigest(), new))

    found = [
        (c.stack, c.element, c.what)
        for c in template_changes(before, Assembly(authored))
        if c.stack == "RunbooksStack"
    ]

    assert found == [
        ("RunbooksStack", "Description", "changed"),
        (
            "RunbooksStack",
            "RestartEC2InstanceDemo (AWS::SSM::Document)",
            "changed: DeletionPolicy, Content",
        ),
        ("RunbooksStack", "Queue (AWS::SQS::QueueInlinePolicy)", "added"),
        ("RunbooksStack", "RunRestartEC2InstanceDemo (Outputs)", "removed"),
        ("RunbooksStack", "OpenRestartEC2InstanceDemo (Outputs)", "removed"),
        (
            "RunbooksStack",
            "what deploys it",
            "changed: deployment_role, execution_role, publishing_role",
        ),
    ]


def test_trail_is_deployed_with_administration(tmp_path: Path) -> None:
    """In each Region, and in the one that receives events of IAM."""
    audited = {
        "account": "111122223333",
        "regions": ("eu-west-1",),
        "audit": Audit(auditors=(IamUser("auditor"),)),
    }

    stacks = Assembly(_written(tmp_path / "audited", **audited)).named("AuditStack")

    assert [(stack.region, stack.account) for stack in stacks] == [
        ("eu-west-1", "111122223333"),
        ("us-east-1", "111122223333"),
    ]
