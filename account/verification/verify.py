"""Asks every probe, and writes what held."""

import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from account.errors import AccountError
from account.verification.lab import Lab
from account.verification.probe import Answer, Probe
from account.verification.records import RECORDS
from account.verification.report import as_json, as_markdown
from account.verification.runbooks import RUNBOOKS
from account.verification.schedules import SCHEDULES
from account.verification.starts import STARTS
from account.verification.story import STORY
from account.verification.targets import TARGETS

PROBES = (*STORY, *STARTS, *TARGETS, *RUNBOOKS, *SCHEDULES, *RECORDS)
NAME = "verified-on-aws"
_IAM_SECONDS = 12
"""After how long IAM's new users and roles are known everywhere, mostly."""


def verify(probes: Iterable[Probe], folder: Path, *, is_asked: bool) -> int:
    """How many assumptions do not hold; writes the report. AccountError for what cannot begin."""
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    if not session.region_name:
        raise AccountError("no Region is named; set AWS_REGION, or the region of the profile")
    wait = float(os.environ.get("VERIFY_WAIT_SECONDS", _IAM_SECONDS))
    try:
        lab = Lab(session, wait=wait)
    except (BotoCoreError, ClientError) as error:
        raise AccountError(f"could not ask AWS who this is: {error}") from None
    wanted = tuple(probes)
    if is_asked:
        _confirm(lab, wanted)
    answers: list[Answer] = []
    try:
        with lab:
            for probe in wanted:
                answers.append(_asked(probe, lab))
                held = "holds" if answers[-1].holds else "does not hold"
                print(f"{probe.id}: {answers[-1].actual} ({held})", flush=True)
    except KeyboardInterrupt:
        print("interrupted: what was made is removed", file=sys.stderr)
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    where = {"date": date, "region": lab.region}
    (folder / f"{NAME}.md").write_text(as_markdown(answers, **where, left=lab.left), "utf-8")
    (folder / f"{NAME}.json").write_text(as_json(answers, **where, left=lab.left), "utf-8")
    for each in lab.left:
        print(f"could not be removed: {each}", file=sys.stderr)
    return sum(not answer.holds for answer in answers) + len(wanted) - len(answers)


def _asked(probe: Probe, lab: Lab) -> Answer:
    try:
        return Answer(probe=probe, actual=probe.ask(lab))
    except (BotoCoreError, ClientError, KeyError, ValueError) as error:
        return Answer(probe=probe, actual=f"{type(error).__name__}: {error}")


def _confirm(lab: Lab, probes: tuple[Probe, ...]) -> None:
    """Asks for the account's number; AccountError for any other answer."""
    minutes = sum(probe.minutes for probe in probes)
    print(
        f"This makes an instance, users, roles, documents, schedules, a key, a topic, queues and "
        f"a log group in account {lab.account}, {lab.region}, and removes them. It takes up to "
        f"{minutes} minutes and costs cents. Use an account that holds nothing else."
    )
    try:
        answer = input("Type the account's number to go on: ").strip()
    except EOFError:
        answer = ""
    if answer != lab.account:
        raise AccountError("nothing was done")
