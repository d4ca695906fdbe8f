"""``python -m rehearsal``: plays the guide's story in a fresh sandbox."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from rehearsal.narrator import Narrator
from rehearsal.operator import RUNBOOK
from rehearsal.report import Report, SceneFailed
from rehearsal.story import Story
from rehearsal.workstation import Workstation
from sandbox import Sandbox, SandboxError


def main() -> int:
    """Plays the story; 0 only if everything happened as expected."""
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description="Plays the guide's story in an AWS account on this machine: administrator, "
        "author and operator do their tasks with the real CDK CLI, AWS CLI and SDK.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcomes as data")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the account up after the story, with the commands to play in it",
    )
    options = parser.parse_args()
    if options.json and not options.json.parent.is_dir():
        parser.error(f"--json {options.json}: the folder {options.json.parent} does not exist")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    narrator = Narrator()
    report = Report(show=narrator.outcome)
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    failed = _rehearse(report, narrator, folder, keep=options.keep)
    if report.outcomes:
        narrator.say(f"\n{report.table(narrator.width)}")
    narrator.say(f"{time.monotonic() - started:.1f} seconds")
    if options.json:
        report.write_json(options.json)
    if failed:
        narrator.say(f"\nthe story could not go on: {failed}")
    if failed or not report.agrees:
        narrator.say(f"logs: {folder / 'logs'}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _rehearse(report: Report, narrator: Narrator, folder: Path, *, keep: bool) -> str | None:
    """Plays the story in a fresh account; what stopped it before its end, or None."""
    reported = False
    try:
        with narrator.busy("an AWS account starts on this machine"):
            sandbox = Sandbox(offered=keep)
            sandbox.start()
        try:
            workstation = Workstation(folder, sandbox.environment())
            story = Story(sandbox, workstation, report, narrator)
            failed = _play(story, sandbox, workstation, until_destroyed=not keep)
            reported = failed is None
            if keep:
                _invite(narrator, story)
                sandbox.wait()
            return failed
        finally:
            sandbox.stop()
    except SandboxError as error:
        return str(error)
    except KeyboardInterrupt:
        narrator.say("\nended")
        return None if reported else "it was interrupted"


def _play(
    story: Story, sandbox: Sandbox, workstation: Workstation, *, until_destroyed: bool
) -> str | None:
    """Plays the story; what stopped it, or None. The account's own log is kept with the others."""
    try:
        story.play(until_destroyed=until_destroyed)
    except SceneFailed as error:
        return str(error)
    except Exception as error:  # an answer of another form than the story expects
        return f"{type(error).__name__}: {error}; read {workstation.logs / 'sandbox.log'}"
    finally:
        shutil.copy(sandbox.log, workstation.logs / "sandbox.log")
    return None


def _invite(narrator: Narrator, story: Story) -> None:
    """Shows how to go on in the account that is left up."""
    nobodys = {"AccessKeyId": "", "SecretAccessKey": ""}
    keys, auditor = story.operator_keys() or nobodys, story.auditor_keys() or nobodys
    instances = " ".join(story.instances())
    narrator.say(
        "\nThe account is up until Ctrl-C. In another terminal, as its root:\n"
        "  source .venv/bin/activate\n"
        '  eval "$(python -m sandbox shell-env)"\n'
        "  aws ssm list-documents --filters Key=Owner,Values=Self\n"
        "and from there as the restricted operator:\n"
        f"  export AWS_ACCESS_KEY_ID={keys['AccessKeyId']} "
        f"AWS_SECRET_ACCESS_KEY={keys['SecretAccessKey']}\n"
        f"  python -m operate list\n"
        f"  python -m operate run {RUNBOOK} --instance-id {instances}\n"
        f"  aws ec2 stop-instances --instance-ids {instances}\n"
        "or as the auditor:\n"
        f"  export AWS_ACCESS_KEY_ID={auditor['AccessKeyId']} "
        f"AWS_SECRET_ACCESS_KEY={auditor['SecretAccessKey']}\n"
        f"  python -m operate audit --html runs.html"
    )


if __name__ == "__main__":
    sys.exit(main())
