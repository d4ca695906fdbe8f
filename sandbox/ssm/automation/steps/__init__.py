"""The step actions that the sandbox runs, one small class each."""

from sandbox.ssm.automation.steps.approve import Approve
from sandbox.ssm.automation.steps.base import Action
from sandbox.ssm.automation.steps.branch import Branch
from sandbox.ssm.automation.steps.ec2.change_instance_state import ChangeInstanceState
from sandbox.ssm.automation.steps.ec2.create_tags import CreateTags
from sandbox.ssm.automation.steps.ec2.images import CopyImage, CreateImage, DeleteImage
from sandbox.ssm.automation.steps.ec2.run_instances import RunInstances
from sandbox.ssm.automation.steps.execute_automation import ExecuteAutomation
from sandbox.ssm.automation.steps.execute_aws_api import ExecuteAwsApi
from sandbox.ssm.automation.steps.execute_script import ExecuteScript
from sandbox.ssm.automation.steps.pause import Pause
from sandbox.ssm.automation.steps.resource_property import (
    AssertAwsResourceProperty,
    WaitForAwsResourceProperty,
)
from sandbox.ssm.automation.steps.run_command import RunCommand
from sandbox.ssm.automation.steps.sleep import Sleep
from sandbox.ssm.automation.steps.stacks import CreateStack, DeleteStack
from sandbox.ssm.automation.steps.update_variable import UpdateVariable

ACTIONS: dict[str, type[Action]] = {
    action.name: action
    for action in (
        Approve,
        AssertAwsResourceProperty,
        Branch,
        ChangeInstanceState,
        CopyImage,
        CreateImage,
        CreateStack,
        CreateTags,
        DeleteImage,
        DeleteStack,
        ExecuteAutomation,
        ExecuteAwsApi,
        ExecuteScript,
        Pause,
        RunCommand,
        RunInstances,
        Sleep,
        UpdateVariable,
        WaitForAwsResourceProperty,
    )
}
"""Actions by the name that a document gives them; ``aws:loop`` is the engine's own."""
