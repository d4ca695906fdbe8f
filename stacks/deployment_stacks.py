"""The stacks of every deployment: IAM, the runbooks of each Region, a pipeline and a trail."""

from aws_cdk import App, Environment, Stack, Validations

from delegation import names
from delegation.configuration import Configuration
from delegation.deployment.audit import Audit
from delegation.deployment.deployment import Deployment
from stacks.administration_stack import AdministrationStack
from stacks.as_specified import AsSpecified
from stacks.pipeline_stack import PipelineStack
from stacks.runbooks_stack import RunbooksStack


def add_stacks(app: App, configuration: Configuration) -> None:
    """Adds each deployment's AdministrationStack, a RunbooksStack for each of its Regions, and its
    PipelineStack, AuditStacks, ApprovalsStacks and SchedulesStacks where it asks for them.

    Their ids carry account and Region where the deployment names them; the stacks' names in the
    account never do. Dependencies order ``--all`` only: nothing is exported between stacks.
    """
    for deployment in configuration.deployments:
        place = (deployment.account,) if deployment.account else ()
        home = _environment(deployment, next(iter(deployment.regions), None))
        documents = configuration.runbooks_of(deployment)
        administration = AdministrationStack(
            app,
            "-".join((names.ADMINISTRATION_STACK, *place)),
            deployment=deployment,
            runbooks=documents,
            env=home,
        )
        if deployment.pipeline is not None:
            pipeline = PipelineStack(
                app,
                "-".join((names.PIPELINE_STACK, *place)),
                deployment=deployment,
                pipeline=deployment.pipeline,
                env=home,
            )
            # The author's roles trust the pipeline's, which have to exist before.
            administration.add_stack_dependency(pipeline)
        for region in deployment.regions or (None,):
            approvals = _approvals(app, deployment, place, region)
            runbooks = RunbooksStack(
                app,
                "-".join((names.RUNBOOKS_STACK, *place, *((region,) if region else ()))),
                deployment=deployment,
                runbooks=documents,
                env=_environment(deployment, region),
            )
            runbooks.add_stack_dependency(administration)
            if deployment.schedules:
                _schedules(app, deployment, place, region).add_stack_dependency(runbooks)
            if approvals is not None:
                runbooks.add_stack_dependency(approvals)
        if deployment.audit is not None:
            _add_audit(app, deployment, deployment.audit, place)
    Validations.of(app).add_plugins(AsSpecified(app))


def _add_audit(app: App, deployment: Deployment, audit: Audit, place: tuple[str, ...]) -> None:
    """An AuditStack in each Region of the deployment, and in the one that receives events of
    IAM."""
    # Loads four modules of CDK, which take a quarter of a second, for anyone who asks for them.
    from stacks.audit_stack import AuditStack

    for region in deployment.audit_regions if deployment.regions else (None,):
        AuditStack(
            app,
            "-".join((names.AUDIT_STACK, *place, *((region,) if region else ()))),
            deployment=deployment,
            audit=audit,
            env=_environment(deployment, region),
        )


def _approvals(
    app: App, deployment: Deployment, place: tuple[str, ...], region: str | None
) -> Stack | None:
    """The topics of a Region, where approvers are notified by the deployment's own."""
    if not deployment.approval_topics:
        return None
    # Loads a module of CDK, for anyone who asks for it.
    from stacks.approvals_stack import ApprovalsStack

    return ApprovalsStack(
        app,
        "-".join((names.APPROVALS_STACK, *place, *((region,) if region else ()))),
        deployment=deployment,
        env=_environment(deployment, region),
    )


def _schedules(
    app: App, deployment: Deployment, place: tuple[str, ...], region: str | None
) -> Stack:
    """The schedules of a Region, after the runbooks that they start."""
    # Loads three modules of CDK, for anyone who asks for them.
    from stacks.schedules_stack import SchedulesStack

    return SchedulesStack(
        app,
        "-".join((names.SCHEDULES_STACK, *place, *((region,) if region else ()))),
        deployment=deployment,
        env=_environment(deployment, region),
    )


def _environment(deployment: Deployment, region: str | None) -> Environment | None:
    """Account and Region where the deployment fixes them; None leaves both to the credentials."""
    if deployment.account is None and region is None:
        return None
    return Environment(account=deployment.account, region=region)
