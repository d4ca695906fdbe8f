"""The names of this project's stacks: a deployment's prefix, and which of its stacks it is."""

ADMINISTRATION_STACK, RUNBOOKS_STACK = "AdministrationStack", "RunbooksStack"
PIPELINE_STACK, AUDIT_STACK = "PipelineStack", "AuditStack"
APPROVALS_STACK, SCHEDULES_STACK = "ApprovalsStack", "SchedulesStack"
STACKS = (
    *(ADMINISTRATION_STACK, RUNBOOKS_STACK, PIPELINE_STACK, AUDIT_STACK, APPROVALS_STACK),
    SCHEDULES_STACK,
)
ADMINISTRATORS = (ADMINISTRATION_STACK, APPROVALS_STACK, AUDIT_STACK, SCHEDULES_STACK)
"""Those that an administrator deploys, and a pipeline by its administration role."""


def unprefixed(stack: str) -> str:
    """Which stack it is, ``AdministrationStack`` for ``acme-AdministrationStack``; the name itself
    where it is none of this project."""
    return next((name for name in STACKS if stack.endswith(name)), stack)


def prefix_of(stack: str) -> str:
    """The prefix of a deployment's names, from the name of a stack; mostly empty."""
    return stack.removesuffix(unprefixed(stack))
