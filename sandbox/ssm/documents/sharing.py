"""With which accounts a document is shared: the two permission calls of the SSM API."""

from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.api.operation import Parameters, Request, paged
from sandbox.ssm.documents import store

_MOST_ACCOUNTS = 1000
"""Source: SSM API Reference, ModifyDocumentPermission, DocumentPermissionLimit."""


def modify_permission(request: Request) -> Parameters:
    """Adds and removes accounts, by number or ``All``."""
    given = request.parameters
    document = store.find(given["Name"])
    version = str(given.get("SharedDocumentVersion", store.DEFAULT))
    added = dict.fromkeys(given.get("AccountIdsToAdd", ()), version)
    removed = given.get("AccountIdsToRemove", ())
    shared = {**document.shared_with, **added}
    kept = {account: seen for account, seen in shared.items() if account not in removed}
    if len(kept) > _MOST_ACCOUNTS:
        raise ApiError(
            "DocumentPermissionLimit",
            f"Document {document.name} would be shared with more than {_MOST_ACCOUNTS} accounts.",
        )
    document.shared_with = kept
    return {}


def describe_permission(request: Request) -> Parameters:
    """The accounts that a document is shared with, each with the version that it sees."""
    shared = store.find(request.parameters["Name"]).shared_with
    answer = paged(
        *(request, "AccountSharingInfoList", sorted(shared)),
        lambda account: {"AccountId": account, "SharedDocumentVersion": shared[account]},
    )
    return {**answer, "AccountIds": [e["AccountId"] for e in answer["AccountSharingInfoList"]]}
