"""``python -m pipeline``: what a pipeline runs, on any CI service and on a workstation."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.change_record import PAGE
from pipeline.errors import PipelineError
from review.command_line import FOUND, Parser
from review.errors import ReviewError
from review.templates.cloud_assembly import Assembly
from review.templates.stack_names import (
    ADMINISTRATORS,
    PIPELINE_STACK,
    RUNBOOKS_STACK,
    unprefixed,
)

# What a command needs beside this is imported by it: a report needs no package.

_ASSEMBLY = Path("cdk.out")
_MOST_AT_ONCE = 100
_KINDS = {
    "administration": ADMINISTRATORS,
    "runbooks": (RUNBOOKS_STACK,),
}


def main() -> int:
    """Runs a command; its exit status."""
    options = _options()
    run: Callable[[argparse.Namespace], int] = options.run
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # how a job is ended
    try:
        return run(options)
    except (PipelineError, ReviewError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1


def _options() -> argparse.Namespace:
    parser = Parser(
        prog="python -m pipeline",
        description="Reviews of changes, and deployments of what was reviewed (docs/pipelines.md). "
        f"Exit status: 0; 1 for what cannot be done; {FOUND} where a change may not be merged.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], reported: str) -> Parser:
        added: Parser = commands.add_parser(name, help=reported, description=reported.capitalize())
        added.set_defaults(run=run)
        added.add_argument(
            "--assembly",
            type=Path,
            default=_ASSEMBLY,
            metavar="DIR",
            help=f"the cloud assembly (default: {_ASSEMBLY})",
        )
        return added

    review = command(
        "review",
        _review,
        "review the assembly against another commit: access, templates and, with credentials, the "
        f"account; writes {PAGE}, the access review and a diff of each stack beside it",
    )
    review.add_argument("--base", required=True, metavar="COMMIT", help="what it is compared with")
    command(
        "report",
        _report,
        "in a job of GitHub Actions: comment the review on the pull request",
    )
    command("digest", _digest, "print the SHA-256 of all that deploys the assembly")
    command("plan", _plan, "print which stacks differ from what stands")
    command(
        "ownership",
        _ownership,
        "fail where a stack that is not of this project has the name of one of the assembly's; "
        "the app runs it before a command of the CDK CLI that changes stacks",
    )
    doctor = command(
        "doctor",
        _doctor,
        "run python -m account doctor: in a job of GitHub Actions as PipelineDoctorRole in every "
        "account of the assembly, elsewhere with the credentials at hand",
    )
    doctor.add_argument(
        "--known", action="append", default=[], metavar="NAME", help="as the doctor takes it"
    )
    policy = command(
        "execution-policy",
        _execution_policy,
        "write what CloudFormation's execution role needs to deploy the assembly, as policies for "
        "cdk bootstrap --cloudformation-execution-policies",
    )
    policy.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="an assembly that was deployed before, for what is removed since; may be repeated",
    )
    policy.add_argument("--account", help="which account's, for an assembly of several")
    policy.add_argument(
        "--folder", type=Path, default=Path(), help="where to write (default: here)"
    )
    deploy = command(
        "deploy", _deploy, "deploy the assembly as it is, if it has the digest that was reviewed"
    )
    deploy.add_argument("--digest", required=True, help="as digest prints it of what was reviewed")
    deploy.add_argument(
        "--only", choices=_KINDS, help="which stacks (default: administration, then runbooks)"
    )
    deploy.add_argument(
        "--concurrency",
        type=_number,
        default=1,
        metavar="N",
        help="how many stacks at a time (default: 1)",
    )
    return parser.parse_args()


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_AT_ONCE):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 to {_MOST_AT_ONCE}")
    return int(text)


def _review(options: argparse.Namespace) -> int:
    from pipeline.change_review import review_change

    record = review_change(options.assembly, options.base)
    print((options.assembly / PAGE).read_text("utf-8"))
    if record.violates_invariants:
        print("An invariant of the access review is violated.", file=sys.stderr)
        return FOUND
    return 0


def _report(options: argparse.Namespace) -> int:
    from pipeline.report import report

    return 0 if report(options.assembly) else FOUND


def _digest(options: argparse.Namespace) -> int:
    print(Assembly(options.assembly).digest)
    return 0


def _plan(options: argparse.Namespace) -> int:
    from pipeline.account_diff import differing

    found = list(differing(Assembly(options.assembly)))
    names = {unprefixed(target.stack.name) for target in found}
    for kind, stacks in _KINDS.items():
        print(f"{kind}={str(not names.isdisjoint(stacks)).lower()}")
    for target in found:
        if unprefixed(target.stack.name) == PIPELINE_STACK:
            print(
                f"{target} differs from what stands, and no pipeline deploys it; as "
                f"administrator: npx cdk deploy --exclusively {target.stack.id}",
                file=sys.stderr,
            )
    return 0


def _ownership(options: argparse.Namespace) -> int:
    from pipeline.ownership import obstacles

    found = list(obstacles(Assembly(options.assembly)))
    for sentence in found:
        print(f"error: {sentence}", file=sys.stderr)
    return 1 if found else 0


def _doctor(options: argparse.Namespace) -> int:
    from pipeline.nightly import examine_accounts

    known = [word for name in options.known for word in ("--known", name)]
    return examine_accounts(options.assembly, known)


def _execution_policy(options: argparse.Namespace) -> int:
    from pipeline.execution_role.policies import write_policies

    for line in write_policies(
        [options.assembly, *options.also], account=options.account, folder=options.folder
    ):
        print(line)
    return 0


def _deploy(options: argparse.Namespace) -> int:
    from pipeline.rollout import Rollout

    kinds = [options.only] if options.only else list(_KINDS)
    names = [name for kind in kinds for name in _KINDS[kind]]
    rollout = Rollout(
        Assembly(options.assembly),
        names,
        digest=options.digest,
        concurrency=options.concurrency,
    )
    is_done = False
    try:
        is_done = rollout.run()
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted: CloudFormation ends what it has begun; run this again to go on")
    for line in rollout.states():
        print(line)
    return 0 if is_done else 1


if __name__ == "__main__":
    sys.exit(main())
