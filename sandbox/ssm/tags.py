"""Tags of documents and executions; those of parameters are the emulator's."""

import contextlib
from collections.abc import Callable

from sandbox.emulator.iam.authorization import Check, arn, request_tag_context, tag_context
from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.api.operation import Operation, Parameters, Request
from sandbox.ssm.automation import executions
from sandbox.ssm.documents import store
from sandbox.ssm.documents.descriptions import check_tags, tag_list, tag_map
from sandbox.ssm.documents.operations import document_check


def _add_tags(request: Request) -> Parameters:
    tags, added = _tags_of(request), tag_map(request.parameters["Tags"])
    check_tags({**tags, **added})
    tags.update(added)
    return {}


def _remove_tags(request: Request) -> Parameters:
    tags = _tags_of(request)
    for key in request.parameters["TagKeys"]:
        tags.pop(key, None)
    return {}


def _list_tags(request: Request) -> Parameters:
    return {"TagList": tag_list(_tags_of(request))}


def _tags_of(request: Request) -> dict[str, str]:
    kind, name = request.parameters["ResourceType"], request.parameters["ResourceId"]
    try:
        return store.find(name).tags if kind == "Document" else executions.find(name).tags
    except ApiError:
        raise ApiError("InvalidResourceId", f"{kind} {name} does not exist.") from None


def _tag_checks(action: str) -> Callable[[Parameters], list[Check]]:
    def checks(given: Parameters) -> list[Check]:
        if given["ResourceType"] == "Document":
            return [document_check(action, given["ResourceId"])]
        context = request_tag_context(tag_map(given.get("Tags")))
        with contextlib.suppress(ApiError):
            context |= tag_context(executions.find(given["ResourceId"]).tags)
        execution = arn("ssm", f"automation-execution/{given['ResourceId']}")
        return [Check(action=action, resource=execution, context=context)]

    return checks


TAG_OPERATIONS = {
    name: Operation(checks=_tag_checks(f"ssm:{name}"), run=run)
    for name, run in {
        "AddTagsToResource": _add_tags,
        "RemoveTagsFromResource": _remove_tags,
        "ListTagsForResource": _list_tags,
    }.items()
}
