"""The Automation calls of the SSM API."""

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ministack.core.iam_evaluator import caller_arn
from ministack.core.responses import AccountRegionScopedDict

from sandbox.emulator.iam.authorization import Check, arn, request_tag_context, tag_context
from sandbox.emulator.sts.role_sessions import Credentials
from sandbox.ssm.api.errors import ApiError, validation_error
from sandbox.ssm.api.operation import Operation, Parameters, Refused, Request, paged
from sandbox.ssm.api.shapes import ssm_model
from sandbox.ssm.automation import engine, executions, parameters, rate_control, sessions
from sandbox.ssm.automation.clients import made_by_automation
from sandbox.ssm.automation.executions import ENDED, Execution, Signal, StepExecution
from sandbox.ssm.automation.targets import Child, read_targets
from sandbox.ssm.documents import store
from sandbox.ssm.documents.descriptions import check_tags, tag_map
from sandbox.ssm.documents.operations import document_check, pass_role_check
from sandbox.ssm.documents.references import UnknownReference, resolve
from sandbox.ssm.documents.store import Document, Version

_UNSUPPORTED = ("TargetLocations", "TargetLocationsURL")

_client_tokens = AccountRegionScopedDict()
"""Request and execution id by client token."""


def _start(request: Request) -> Parameters:
    given = request.parameters
    for name in _UNSUPPORTED:
        if given.get(name):
            raise validation_error(
                f"Executions stay in their account and Region; {name} is not supported."
            )
    token = given.get("ClientToken")
    if token and (known := _client_tokens.get(token)):
        if known[0] != given:
            raise ApiError(
                "IdempotentParameterMismatch",
                f"Client token {token} was used with other parameters.",
            )
        return {"AutomationExecutionId": known[1]}
    check_tags(tag_map(given.get("Tags")))
    document, version = _find_runbook(given)
    definitions = version.content.get("parameters") or {}
    targets = read_targets(given, definitions, version.target_type)
    own = targets.own_parameters if targets else frozenset()
    execution = Execution(
        id=str(uuid.uuid4()),
        document_name=document.name,
        document_version=str(version.number),
        content=version.content,
        parameters=parameters.resolve(
            {name: each for name, each in definitions.items() if name not in own},
            {n: v for n, v in (given.get("Parameters") or {}).items() if n not in own},
        ),
        executed_by=caller_arn(),
        mode=given.get("Mode", "Auto"),
        region=request.call.region,
        account=request.call.account,
        tags=tag_map(given.get("Tags")),
        rate=targets.describe() if targets else None,
        alarm=given.get("AlarmConfiguration"),
    )
    credentials = _session(request, execution)
    executions.add(execution)
    if token:
        _client_tokens[token] = (given, execution.id)
    if targets:
        finder = credentials
        if made_by_automation(request.call.access_key):
            finder = sessions.of_caller(request.call)
        run_child = _child_runner(request, execution)
        rate_control.start(execution, targets, credentials, finder, run_child)
    else:
        engine.start(execution, credentials)
    return {"AutomationExecutionId": execution.id}


def _child_runner(request: Request, parent: Execution) -> rate_control.RunChild:
    """What makes and runs the child of a target. One whose parameters are refused has failed."""
    definitions = parent.content.get("parameters") or {}
    shared = request.parameters.get("Parameters") or {}

    def run(own: Child) -> Execution:
        child = Execution(
            id=str(uuid.uuid4()),
            document_name=parent.document_name,
            document_version=parent.document_version,
            content=parent.content,
            parameters={},
            executed_by=parent.executed_by,
            mode=parent.mode,
            region=parent.region,
            account=parent.account,
            tags={},
            parent_id=parent.id,
            target=", ".join(value for values in own.values() for value in values),
        )
        executions.add(child)
        try:
            child.parameters = parameters.resolve(definitions, {**shared, **own})
            credentials = _session(request, child)
        except (ApiError, Refused) as error:
            child.failure = str(error)
            child.end("Failed")
        else:
            engine.run(child, credentials)
        return child

    return run


def _find_runbook(given: Parameters) -> tuple[Document, Version]:
    """The document and version to run, with Automation's own error names."""
    name, wanted = given["DocumentName"], given.get("DocumentVersion")
    try:
        document = store.find(name)
    except ApiError:
        document = None
    if document is None or document.type != "Automation":
        raise ApiError(
            "AutomationDefinitionNotFoundException",
            f"Automation document {name} {store.missing(name)}",
        )
    try:
        return document, document.version(wanted)
    except ApiError:
        raise ApiError(
            "AutomationDefinitionVersionNotFoundException",
            f"Version {wanted} of automation document {name} does not exist.",
        ) from None


def _session(request: Request, execution: Execution) -> Credentials:
    """The role that the document embeds or a parameter names, assumed; without one the caller.

    A role that the caller picks by parameter needs the caller's ``iam:PassRole``.
    """
    written = str(execution.content.get("assumeRole") or "").strip()
    try:
        system = execution.system_variables()
        role = resolve(written, parameters.Filled(execution.parameters, system, _not_stored))
    except UnknownReference as error:
        raise sessions.invalid_parameters(str(error)) from None
    if not role:
        return sessions.of_caller(request.call)
    sessions.check_role_arn(str(role))
    if role != written:
        document = arn("ssm", f"document/{execution.document_name}")
        request.refuse_unless([pass_role_check(str(role), document)])
    return sessions.assume(str(role), execution.id, request.call)


def _not_stored(name: str) -> str:
    raise UnknownReference(
        f"assumeRole is made of {{{{ssm:{name}}}}}, which SSM does not read there"
    )


def _start_checks(given: Parameters) -> list[Check]:
    """A start is judged on the document and on the execution, both required.

    On the older automation-definition only an explicit Deny counts. Tags need a permission of their
    own, and are those of the execution already.
    Source: Service Authorization Reference, StartAutomationExecution; the AWS managed policy
    AWSQuickSetupManagedInstanceProfileExecutionPolicy, which names both keys for both actions.
    """
    tags = tag_map(given.get("Tags"))
    action, version = "ssm:StartAutomationExecution", given.get("DocumentVersion", store.DEFAULT)
    requested = {
        "ssm:DocumentVersion": version,
        **request_tag_context(tags),
    }
    execution = arn("ssm", f"automation-execution/{uuid.uuid4()}")
    own = {**requested, **tag_context(tags)}
    tagging = Check(action="ssm:AddTagsToResource", resource=execution, context=own)
    document = document_check(action, given["DocumentName"])
    name = document.resource.rsplit("document/", 1)[-1]
    return [
        Check(
            action=action,
            resource=document.resource,
            context={**requested, **document.context},
        ),
        Check(action=action, resource=execution, context=own),
        *([tagging] if tags else []),
        Check(
            action=action,
            resource=arn("ssm", f"automation-definition/{name}:{version}"),
            context=requested,
            only_explicit=True,
        ),
    ]


def _get(request: Request) -> Parameters:
    execution = executions.find(request.parameters["AutomationExecutionId"])
    return {"AutomationExecution": execution.describe()}


def _describe_executions(request: Request) -> Parameters:
    filters = request.parameters.get("Filters", ())
    found = [e for e in executions.all_executions() if _all_match(_EXECUTION_FILTERS, e, filters)]
    return paged(request, "AutomationExecutionMetadataList", found, Execution.summary)


def _describe_steps(request: Request) -> Parameters:
    given = request.parameters
    steps = executions.find(given["AutomationExecutionId"]).steps
    found = [s for s in steps if _all_match(_STEP_FILTERS, s, given.get("Filters", ()))]
    ordered = found[::-1] if given.get("ReverseOrder") else found
    return paged(request, "StepExecutions", ordered, StepExecution.describe)


def _stop(request: Request) -> Parameters:
    execution = executions.find(request.parameters["AutomationExecutionId"])
    if not execution.ask_to_stop(request.parameters.get("Type", "Cancel")):
        raise ApiError(
            "InvalidAutomationStatusUpdateException",
            f"Automation execution {execution.id} is {execution.status} and cannot be stopped.",
        )
    return {}


def _signal(request: Request) -> Parameters:
    """Hands a signal to what waits for it; from anyone who is not asked it is refused."""
    given = request.parameters
    execution = executions.find(given["AutomationExecutionId"])
    kind, payload, sender = given["SignalType"], given.get("Payload") or {}, caller_arn()
    if kind == "StopStep":
        running = execution.current
        wanted = (payload.get("StepExecutionId") or [""])[0]
        if running is None or running.id != wanted or running.ended is not None:
            raise _no_signal(f"step execution {wanted!r} does not run and cannot be stopped.")
        execution.stop_step(running.id)
        return {}
    signal = Signal(
        type=kind,
        sender=sender,
        name=_name_among(sender, execution.awaited_from),
        comment=" ".join(payload.get("Comment", ())),
    )
    if refusal := execution.send(signal):
        raise _no_signal(refusal)
    return {}


def _no_signal(message: str) -> ApiError:
    return ApiError("InvalidAutomationSignalException", f"The signal is not valid: {message}")


def _name_among(caller: str, approvers: tuple[str, ...]) -> str:
    """The approver that a caller is: a user by name or ARN, a session by its role's ARN or its own;
    empty for none.

    Source: Systems Manager User Guide, aws:approve, Approvers.
    """
    account, resource = caller.split(":", 5)[4:]
    kind, _, rest = resource.partition("/")
    names = {caller}
    if kind == "user":
        names.add(rest.rsplit("/", 1)[-1])
    if kind == "assumed-role":  # a session does not show the path of its role, whose name is unique
        role = re.compile(rf"arn:aws:iam::{account}:role/(.+/)?{re.escape(rest.split('/')[0])}")
        names.update(filter(role.fullmatch, approvers))
    return next((approver for approver in approvers if approver in names), "")


def _all_match(
    known: Mapping[str, Callable[[Any, list[str]], bool]],
    item: Execution | StepExecution,
    filters: Any,
) -> bool:
    for wanted in filters:
        if wanted["Key"] not in known:
            raise ApiError("InvalidFilterKey", f"Filter key {wanted['Key']} is not supported.")
        enum = _FILTER_ENUMS.get(wanted["Key"])
        allowed = ssm_model().shape_for(enum).enum if enum else wanted["Values"]
        if unknown := sorted(set(wanted["Values"]) - set(allowed)):
            raise ApiError(
                "InvalidFilterValue",
                f"{unknown[0]} is not a value of {wanted['Key']}; known: {', '.join(allowed)}.",
            )
    return all(known[wanted["Key"]](item, wanted["Values"]) for wanted in filters)


def _epoch(text: str) -> float:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise ApiError("InvalidFilterValue", f"{text} is not an ISO 8601 time.") from None


_EXECUTION_FILTERS: dict[str, Callable[[Execution, list[str]], bool]] = {
    "ExecutionId": lambda e, values: e.id in values,
    "ExecutionStatus": lambda e, values: e.status in values,
    "DocumentNamePrefix": lambda e, values: any(map(e.document_name.startswith, values)),
    "StartTimeBefore": lambda e, values: e.started < _epoch(values[0]),
    "StartTimeAfter": lambda e, values: e.started > _epoch(values[0]),
    "CurrentAction": lambda e, values: bool(
        e.status not in ENDED and e.current and e.current.action in values
    ),
    "TagKey": lambda e, values: bool(e.tags.keys() & set(values)),
    "AutomationType": lambda e, values: "Local" in values,
    "ParentExecutionId": lambda e, values: e.parent_id in values,
    # What the sandbox's executions never have:
    "AutomationSubtype": lambda e, values: False,
    "OpsItemId": lambda e, values: False,
    "TargetResourceGroup": lambda e, values: False,
}

_FILTER_ENUMS = {
    "ExecutionStatus": "AutomationExecutionStatus",
    "StepExecutionStatus": "AutomationExecutionStatus",
    "AutomationType": "AutomationType",
    "AutomationSubtype": "AutomationSubtype",
}
"""The model's enumeration of each filter's values."""

_STEP_FILTERS: dict[str, Callable[[StepExecution, list[str]], bool]] = {
    "StepName": lambda s, values: s.name in values,
    "Action": lambda s, values: s.action in values,
    "StepExecutionId": lambda s, values: s.id in values,
    "StepExecutionStatus": lambda s, values: s.status in values,
    "StartTimeBefore": lambda s, values: bool(s.started and s.started < _epoch(values[0])),
    "StartTimeAfter": lambda s, values: bool(s.started and s.started > _epoch(values[0])),
}


def _on_execution(name: str) -> Callable[[Parameters], list[Check]]:
    """A call on one execution is judged on its ARN and its tags."""

    def checks(given: Parameters) -> list[Check]:
        execution_id = given["AutomationExecutionId"]
        try:
            tags = executions.find(execution_id).tags
        except ApiError:
            tags = {}
        resource = arn("ssm", f"automation-execution/{execution_id}")
        return [Check(action=f"ssm:{name}", resource=resource, context=tag_context(tags))]

    return checks


AUTOMATION_OPERATIONS = {
    "StartAutomationExecution": Operation(checks=_start_checks, run=_start),
    "DescribeAutomationExecutions": Operation(
        checks=lambda given: [Check(action="ssm:DescribeAutomationExecutions", resource="*")],
        run=_describe_executions,
    ),
    **{
        name: Operation(checks=_on_execution(name), run=run)
        for name, run in {
            "GetAutomationExecution": _get,
            "DescribeAutomationStepExecutions": _describe_steps,
            "StopAutomationExecution": _stop,
            "SendAutomationSignal": _signal,
        }.items()
    },
}
