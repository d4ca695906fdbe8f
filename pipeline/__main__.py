"""``python -m pipeline``: what a pipeline runs, on any CI service and on a workstation."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from pipeline.errors import PipelineError

_FOUND = 2
_ASSEMBLY = Path("cdk.out")
_BY_LABEL = "by-label"
_KINDS = {"administration": "AdministrationStack", "runbooks": "RunbooksStack"}


class _Parser(argparse.ArgumentParser):
    """Ends with 1 on wrong use: 2 says that something was found."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(1, f"error: {message}\n")


def main() -> int:
    """Runs a command; its exit status."""
    options = _options()
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1


def _options() -> argparse.Namespace:
    parser = _Parser(
        prog="python -m pipeline",
        description="Reviews of changes, and deployments of what was reviewed. Exit status: 0; 1 "
        "for what cannot be done; 2 where a change may not be merged.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    review = commands.add_parser(
        "review",
        help="review the assembly against another commit: access, templates, and, with "
        "credentials, the account; writes change.md and change.json",
    )
    review.add_argument("--base", required=True, metavar="COMMIT", help="what it is compared with")
    review.add_argument(
        "--accepted",
        default="",
        metavar="ID",
        help=f"the change of access that is accepted, by the name that a review gives to it; "
        f"{_BY_LABEL}: it is report that asks",
    )
    review.set_defaults(run=_review)

    report = commands.add_parser(
        "report",
        help="in a job of GitHub Actions: tell the review to the pull request, and ask whether a "
        "code owner accepts what it widens",
    )
    report.set_defaults(run=_report)

    digest = commands.add_parser("digest", help="print the SHA-256 of all that deploys an assembly")
    digest.set_defaults(run=_digest)

    reviewed = commands.add_parser(
        "reviewed",
        help="in a job of GitHub Actions: print the run in which this very assembly was reviewed",
    )
    reviewed.set_defaults(run=_reviewed)

    plan = commands.add_parser("plan", help="print which stacks differ from what stands")
    plan.add_argument("--digest", help="of the assembly that was reviewed; another is refused")
    plan.set_defaults(run=_plan)

    deploy = commands.add_parser(
        "deploy", help="deploy an assembly as it is, if it has the digest that was reviewed"
    )
    deploy.add_argument("--digest", required=True, help="as a review or digest prints it")
    deploy.add_argument(
        "--only", choices=_KINDS, help="which stacks (default: administration, then runbooks)"
    )
    deploy.set_defaults(run=_deploy)

    for command in commands.choices.values():
        command.add_argument(
            "--assembly",
            type=Path,
            default=_ASSEMBLY,
            metavar="DIR",
            help=f"the cloud assembly (default: {_ASSEMBLY})",
        )
    return parser.parse_args()


def _review(options: argparse.Namespace) -> int:
    from pipeline.change import PAGE
    from pipeline.review_of_change import review_change

    change = review_change(options.assembly, options.base)
    print((options.assembly / PAGE).read_text("utf-8"))
    if change.is_broken:
        print("A promise of the access review is broken.", file=sys.stderr)
        return _FOUND
    if change.widening and options.accepted not in (change.widening, _BY_LABEL):
        print(
            f"This widens access. To accept exactly this: ACCEPTED={change.widening}",
            file=sys.stderr,
        )
        return _FOUND
    return 0


def _report(options: argparse.Namespace) -> int:
    from pipeline.report import report

    return 0 if report(options.assembly) else _FOUND


def _digest(options: argparse.Namespace) -> int:
    from pipeline.assembly import Assembly

    print(Assembly(options.assembly).digest)
    return 0


def _reviewed(options: argparse.Namespace) -> int:
    from pipeline.assembly import Assembly
    from pipeline.report import reviewed_run

    print(reviewed_run(Assembly(options.assembly).digest))
    return 0


def _plan(options: argparse.Namespace) -> int:
    from pipeline.assembly import PIPELINE_STACK, Assembly
    from pipeline.comparison import changed

    assembly = Assembly(options.assembly)
    if options.digest:
        assembly.require(options.digest)
    differing = {target.stack.name for target in changed(assembly)}
    for kind, name in _KINDS.items():
        print(f"{kind}={str(name in differing).lower()}")
    if PIPELINE_STACK in differing:
        print(
            f"{PIPELINE_STACK} differs from what stands, and no pipeline deploys it; as "
            f"administrator: npx cdk deploy --exclusively {PIPELINE_STACK}",
            file=sys.stderr,
        )
    return 0


def _deploy(options: argparse.Namespace) -> int:
    from pipeline.assembly import Assembly
    from pipeline.deployment import Deployment, end_on_sigterm

    end_on_sigterm()
    names = [_KINDS[options.only]] if options.only else list(_KINDS.values())
    deployment = Deployment(Assembly(options.assembly), names, digest=options.digest)
    is_done = False
    try:
        is_done = deployment.run()
    except KeyboardInterrupt:
        print("interrupted: CloudFormation ends what it has begun; run this again to go on")
    finally:
        for line in deployment.states():
            print(line)
    return 0 if is_done else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PipelineError as error:
        sys.exit(f"error: {error}")
