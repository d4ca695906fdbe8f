"""The report of a verification, as Markdown and JSON."""

import json
from collections.abc import Sequence

from account.verification.probe import Answer

_NOT_PROBED = (
    "OIDC condition keys: they take a job of GitHub",
    "other accounts (TargetLocations, shared documents): they take a second account",
    "previews of executions, prices, imports of documents: nothing here relies on them",
    "aws login with an MFA device: it takes a person with a browser",
)
"""What no program can ask in an account by itself, or the sandbox lacks."""


def as_markdown(answers: Sequence[Answer], *, date: str, region: str, left: Sequence[str]) -> str:
    """What held and what did not."""
    held = sum(answer.holds for answer in answers)
    lines = [
        "# Verified on AWS",
        "",
        f"{date}, {region}: {held} of {len(answers)} assumptions hold.",
        "",
        "| assumption | call | expected | answer | |",
        "|---|---|---|---|---|",
        *(
            f"| {a.probe.assumption} ({a.probe.source}) | {a.probe.call} | {a.probe.expected} | "
            f"{a.actual} | {'holds' if a.holds else '**does not hold**'} |"
            for a in answers
        ),
        "",
        "Not probed: " + "; ".join(_NOT_PROBED) + ".",
    ]
    if left:
        lines += ["", "Could not be removed:", *(f"- {each}" for each in left)]
    return "\n".join(lines) + "\n"


def as_json(answers: Sequence[Answer], *, date: str, region: str, left: Sequence[str]) -> str:
    """The same for programs."""
    return (
        json.dumps(
            {
                "date": date,
                "region": region,
                "answers": [
                    {
                        "id": a.probe.id,
                        "assumption": a.probe.assumption,
                        "source": a.probe.source,
                        "call": a.probe.call,
                        "expected": a.probe.expected,
                        "actual": a.actual,
                        "holds": a.holds,
                    }
                    for a in answers
                ],
                "not_probed": list(_NOT_PROBED),
                "left": list(left),
            },
            indent=2,
        )
        + "\n"
    )
