"""The configuration of a synthesis: deployments.py, the runbooks it names, and their acceptance."""

import importlib
import os
import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from delegation import model
from delegation.deployment.deployment import Deployment, Profile, check_deployments, parse_profile
from delegation.deployment.people import IamUser
from delegation.deployment.service_roles import ServiceRole
from delegation.errors import DelegationError
from delegation.lock import Accepted, check_accepted, needed
from delegation.policies.made import check_names
from delegation.policies.quota_checks import check_quotas
from delegation.runbooks.fleet_documents import runbook_files_of, with_fleets
from delegation.runbooks.limit_checks import check_role_limits
from delegation.runbooks.runbook import Runbook, load_runbooks
from delegation.runbooks.schedule_checks import check_schedules
from delegation.user_files import DEFAULT_QUALIFIER, bootstrap_qualifier, cdk_tags, make_importable

GUIDE = Deployment(
    profile=Profile.GUIDE,
    operators=(IamUser("AutomationRestrictedOperator"),),
    service_roles=(
        ServiceRole(name="AutomationServiceRole", runbooks=("Restart-EC2InstanceDemo",)),
    ),
)
"""The deployment of the AWS guide, to the letter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """Checked deployments and every runbook that they name."""

    deployments: tuple[Deployment, ...]
    runbooks: Mapping[str, Runbook]
    """Those of ``documents/``, by name."""
    qualifier: str = DEFAULT_QUALIFIER
    """That of ``cdk bootstrap``, for what is printed; a synthesis takes it from CDK's context."""

    @property
    def needs(self) -> Accepted:
        """What the service roles need, as the lock file records it."""
        return {
            deployment.label: needed(deployment, self.runbooks_of(deployment))
            for deployment in self.deployments
        }

    def runbooks_of(self, deployment: Deployment) -> Mapping[str, Runbook]:
        """The runbooks with those of the deployment's fleets, by name."""
        return with_fleets(deployment, self.runbooks)


def load(profile: object = None) -> Configuration:
    """The configuration of deployments.py; with ``profile="guide"`` the guide's, whatever it says.

    Raises DelegationError for any value or runbook that is refused.
    """
    deployments = check_deployments(_read_deployments())
    if profile is not None:
        chosen = parse_profile(profile)
        deployments = (
            (GUIDE,)
            if chosen is Profile.GUIDE
            else tuple(replace(deployment, profile=chosen) for deployment in deployments)
        )
    deployments = _tagged(deployments)
    names = dict.fromkeys(name for each in deployments for name in runbook_files_of(each))
    runbooks = load_runbooks(names)
    for deployment in deployments:
        whole = with_fleets(deployment, runbooks)
        for role in deployment.service_roles:
            check_role_limits(role, whole)
        check_schedules(deployment, whole)
        check_names(deployment)
        check_quotas(deployment, whole)
    return Configuration(
        deployments=deployments, runbooks=runbooks, qualifier=bootstrap_qualifier()
    )


def check_needs(configuration: Configuration) -> None:
    """Raises DelegationError where permissions.lock.json does not accept what runbooks need.

    The guide has no boundary, so that nothing is to be accepted where all deployments are its.
    """
    if any(d.profile is Profile.LEAST_PRIVILEGE for d in configuration.deployments):
        check_accepted(configuration.needs)


def _tagged(deployments: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
    """The deployments with the tags of cdk.json: a pipeline, which does not read it, sets them as a
    workstation does."""
    tags = cdk_tags()
    if not tags:
        return deployments
    if any(deployment.tags for deployment in deployments):
        raise DelegationError(
            "cdk.json and deployments.py both name tags, and the CDK CLI would set those of "
            "cdk.json alone; move them to tags in deployments.py"
        )
    return tuple(replace(deployment, tags=tags) for deployment in deployments)


def _read_deployments() -> tuple[Deployment, ...]:
    """``DEPLOYMENTS`` of deployments.py; a mistake of Python's grammar or names is one line too."""
    make_importable()
    try:
        return _as_tuple(importlib.import_module("deployments").DEPLOYMENTS)
    except DelegationError:
        raise
    except SyntaxError as error:
        file = Path(error.filename or "deployments.py").name
        raise DelegationError(f"{file}:{error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:
        line = error.__traceback__
        while line is not None and not line.tb_frame.f_code.co_filename.endswith("deployments.py"):
            line = line.tb_next
        where = f":{line.tb_lineno}" if line else ""
        raise DelegationError(f"deployments.py{where}: {_worded(error)}") from None


def _as_tuple(found: object) -> tuple[Deployment, ...]:
    """What DEPLOYMENTS holds; anything else than deployments is refused by its check."""
    if isinstance(found, Deployment):
        raise DelegationError(
            "DEPLOYMENTS is one Deployment and not a tuple of them: write a comma after it, as in "
            "DEPLOYMENTS = (Deployment(…),) (deployments.py)"
        )
    if not isinstance(found, Iterable) or isinstance(found, str | Mapping):
        raise DelegationError(
            f"DEPLOYMENTS is {found!r}; write a tuple of deployments, as in "
            f"DEPLOYMENTS = (Deployment(…),) (deployments.py)"
        )
    return tuple(found)


def _worded(error: BaseException) -> str:
    """A mistake in words: a missing variable, a field that a class of the model does not have,
    anything else with Python's own."""
    if isinstance(error, KeyError):
        if traceback.extract_tb(error.__traceback__)[-1].filename in ("<frozen os>", os.__file__):
            return f"the environment variable {error.args[0]} is not set; set it first"
        return f"there is no key {error}"
    if isinstance(error, SystemExit):
        return f"it ends the program, with status {error.code}; raise an error with a text instead"
    if not isinstance(error, TypeError | NameError | AttributeError):
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    if isinstance(error, NameError) and getattr(model, error.name or "", None) is not None:
        return f"{error.name} is not imported: from delegation.model import {error.name}"
    match = re.match(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error))
    kind = getattr(model, match[1], None) if match else None
    if match is None or not is_dataclass(kind):
        return str(error)
    names = [field.name for field in fields(kind)]
    nearest = get_close_matches(match[2], names, n=1)
    hint = f"; nearest: {nearest[0]}" if nearest else ""
    return f"{match[1]} has no field {match[2]!r}; fields: {', '.join(names)}{hint}"
