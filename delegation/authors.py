"""Who writes the runbooks: principals by their ARNs, who deploy RunbooksStack and nothing else."""

import re
from collections.abc import Iterable

from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.people import ExistingRole, IamUser, Person
from delegation.refusals import alike, refuse_duplicates, require_texts

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):(?P<kind>user|role)/"
    r"(?:[!-~]+/)?(?P<name>[\w+=,.@-]{1,64})",
    re.ASCII,
)
_KINDS = {"user": IamUser, "role": ExistingRole}


def check_authors(
    authors: object, operators: Iterable[Person], service_roles: Iterable[str], partition: str
) -> None:
    """Raises DelegationError for what is no user's or role's ARN, or who may not be an author.

    ``partition`` is that of the deployment's Regions; empty where it names none.
    """
    require_texts("authors", authors)
    assert isinstance(authors, tuple)
    refuse_duplicates("author", authors)
    starters = {(type(person), alike(person.name)) for person in operators}
    roles = {alike(name) for name in service_roles}
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
        if (_KINDS[match["kind"]], alike(match["name"])) in starters:
            raise DelegationError(
                f"author {author!r} is an operator; nobody may start what he writes "
                f"{IN_DEPLOYMENTS}"
            )
        if match["kind"] == "role" and alike(match["name"]) in roles:
            raise DelegationError(
                f"author {author!r} is a service role of the deployment {IN_DEPLOYMENTS}"
            )
