"""Whether the stacks that a workstation is about to change are this project's.

The CDK CLI updates whatever stack has the name, and deletes what its template does not hold.
"""

from collections.abc import Iterator
from dataclasses import replace

from pipeline.credentials import Target, credentials_at_hand, region_of
from pipeline.errors import PipelineError
from review.templates.cloud_assembly import Assembly

_DENIED = "AccessDenied"


def foreign_stacks(assembly: Assembly) -> Iterator[str]:
    """A sentence for each stack that stands under a name of the assembly and is another one.

    It asks as the CDK CLI does: as the role that deploys the stack, in the caller's own account
    else by the credentials at hand. A stack that neither may look at is left out, as neither may
    change it.
    """
    caller = credentials_at_hand(region_of(assembly.stacks[0]))
    for stack in assembly.stacks:
        region = region_of(stack)
        account = stack.account or caller.account
        target = Target(stack=stack, region=region, credentials=replace(caller, account=account))
        try:
            client = target.client(
                "cloudformation",
                role=stack.deployment_role,
                is_role_needed=account != caller.account,
            )
            sentence = target.foreign(client)
        except PipelineError as error:
            if _DENIED not in str(error):
                raise
            continue
        if sentence:
            yield sentence
