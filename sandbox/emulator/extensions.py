"""Installs the project's extensions into the emulator's process: a table of contents."""

import ministack.app

from sandbox.automation import clients
from sandbox.documents import stack_resource
from sandbox.emulator import (
    authorization,
    called_via,
    cloudtrail,
    ec2_calls,
    event_delivery,
    groups,
    managed_policies,
    oidc_providers,
    policy_variables,
    role_boundaries,
    root,
    stack_conditions,
    stack_roles,
    web_identity,
)
from sandbox.emulator.dispatch import dispatch


def install(*, endpoint: str, folder: str) -> None:
    """Puts the extensions in place; call it once, before the first request."""
    clients.configure(endpoint=endpoint, certificate=f"{folder}/ca.pem")
    root.install()
    authorization.install()
    policy_variables.install()
    called_via.install()
    managed_policies.install()
    groups.install()
    oidc_providers.install()
    web_identity.configure(folder)
    role_boundaries.install()
    ec2_calls.install()
    stack_resource.install()
    stack_conditions.install()
    stack_roles.install()
    cloudtrail.install()
    event_delivery.install()
    ministack.app._dispatch_service_request = dispatch
