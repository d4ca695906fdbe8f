"""The ARNs of resources, with what is known of them, else ``*``."""

import re
from collections.abc import Mapping

from delegation import names
from delegation.runbooks.permissions.authorization import arn_forms

PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
PSEUDO = {
    "Partition": "${AWS::Partition}",
    "Region": names.ANY_REGION,
    "Account": "${AWS::AccountId}",
}


def arn(prefix: str, kind: str, given: Mapping[str, str]) -> str:
    """The ARN of a kind of resource, with what is given of its placeholders, else ``*``."""
    return filled(arn_forms(prefix, kind)[0], given)


def document_arn(name: str) -> str:
    """The ARN of an SSM document, which one of AWS's own has without account."""
    if is_arn_of("ssm", name):
        return name
    found = arn("ssm", "document", {"DocumentName": name})
    return found.replace("${AWS::AccountId}", "") if is_of_aws(name) else found


def definition_arn(name: str) -> str:
    """The older form of a start's resource, every version of a runbook."""
    name = name.rsplit("document/", 1)[-1]
    found = arn("ssm", "automation-definition", {"AutomationDefinitionName": name})
    return found.replace("${AWS::AccountId}", "") if is_of_aws(name) else found


def is_arn_of(prefix: str, text: str) -> bool:
    """Whether a string is a whole ARN of a service."""
    return text.startswith("arn:") and names.is_arn(text) and text.split(":")[2] == prefix


def filled(form: str, given: Mapping[str, str]) -> str:
    """A form of ARNs with what is given of its placeholders, the account's own, and ``*``."""
    known = {**PSEUDO, **given}
    return PLACEHOLDER.sub(lambda match: known.get(match[1], "*"), form)


def is_of_aws(document: str) -> bool:
    """Whether a document is one of AWS's own, by its name."""
    return document.lower().startswith(("aws", "amazon", "amzn"))


def is_instance(resource: str) -> bool:
    """Whether an ARN is of an instance or managed node, which carry tags; false for ``*``."""
    return resource != "*" and names.filled(resource).split(":", 5)[5].startswith(_TAGGED)


_TAGGED = ("instance/", "managed-instance/")
