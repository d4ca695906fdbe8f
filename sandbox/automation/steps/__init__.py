"""The step actions that the sandbox runs, one small class each."""

from sandbox.automation.steps.base import Action
from sandbox.automation.steps.change_instance_state import ChangeInstanceState
from sandbox.automation.steps.execute_aws_api import ExecuteAwsApi
from sandbox.automation.steps.sleep import Sleep

ACTIONS: dict[str, type[Action]] = {
    action.name: action for action in (ChangeInstanceState, ExecuteAwsApi, Sleep)
}
"""Actions by the name that a document gives them."""
