"""Who writes the runbooks: principals by their ARNs, who deploy RunbooksStack and nothing else."""

import re
from collections.abc import Iterable

from delegation.deployment.people import Person
from delegation.deployment.validation import alike, refuse_duplicates, require_texts
from delegation.errors import IN_DEPLOYMENTS, DelegationError

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):(?P<kind>user|role)/"
    r"(?:[!-~]+/)?(?P<name>[\w+=,.@-]{1,64})",
    re.ASCII,
)


def check_authors(
    authors: object,
    *,
    people: Iterable[Person],
    roles: Iterable[str],
    account: str | None,
    partition: str,
) -> None:
    """Raises DelegationError for what is not a user's or role's ARN, or who may not be an author.

    ``people`` are the operators and approvers, ``roles`` those that the deployment makes, of its
    ``account``; ``partition`` is that of its Regions, empty where it names none.
    """
    require_texts("authors", authors)
    assert isinstance(authors, tuple)
    refuse_duplicates("author", authors)
    others = {(person.kind, alike(person.name)) for person in people}
    made = {alike(name) for name in roles}
    for author in authors:
        match = _ARN.fullmatch(author)
        if match is None or set("*?") & set(author):
            raise DelegationError(
                f"author {author!r} is not the ARN of one user or role "
                f"(arn:PARTITION:iam::ACCOUNT:user/NAME or …:role/NAME, with its path; a session "
                f"by the ARN of its role, never an account or *) {IN_DEPLOYMENTS}"
            )
        if partition and match["partition"] != partition:
            raise DelegationError(
                f"author {author!r} is in partition {match['partition']}, the deployment's regions "
                f"are in {partition} {IN_DEPLOYMENTS}"
            )
        if account not in (None, match["account"]):
            continue  # of another account: nobody that the deployment knows
        if (match["kind"], alike(match["name"])) in others:
            raise DelegationError(
                f"author {author!r} is an operator or approver; nobody may start or approve what "
                f"they write {IN_DEPLOYMENTS}"
            )
        if match["kind"] == "role" and alike(match["name"]) in made:
            raise DelegationError(
                f"author {author!r} is a role that the deployment makes {IN_DEPLOYMENTS}"
            )
