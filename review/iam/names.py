"""Actions and services of AWS that the review speaks of, each spelled once."""

ASSUME_ROLE = "sts:AssumeRole"
ASSUME_WITH_TOKEN = "sts:AssumeRoleWithWebIdentity"
PASS_ROLE = "iam:PassRole"
PASSED_TO = "iam:PassedToService"
CALLED_VIA = "aws:CalledVia"
START = "ssm:StartAutomationExecution"
SIGNAL = "ssm:SendAutomationSignal"
CHANGE_REQUEST = "ssm:StartChangeRequestExecution"
CREATE_CHANGE_SET = "cloudformation:CreateChangeSet"

WATCH = ("ssm:GetAutomationExecution", "ssm:DescribeAutomationStepExecutions")
"""What follows an execution."""
WRITES = (
    *("ssm:CreateDocument", "ssm:UpdateDocument", "ssm:UpdateDocumentDefaultVersion"),
    "ssm:DeleteDocument",
)
"""What makes, changes or removes a document. Source: Service Authorization Reference."""
CHANGES = (
    *(*WRITES, "ssm:ModifyDocumentPermission", "ssm:UpdateDocumentMetadata"),
    *("ssm:AddTagsToResource", "ssm:RemoveTagsFromResource"),
)
"""The same, and what shares or relabels a document."""
OWN_PASSWORD = ("iam:ChangePassword", "iam:GetAccountPasswordPolicy")
OWN_MFA = {
    *("iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices"),
    *("iam:ListVirtualMFADevices", "iam:ResyncMFADevice"),
}
"""What enrolling a device takes.
Source: IAM User Guide, Allows IAM users to manage their own MFA device."""
CLI_SIGN_IN = {"signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"}
"""What aws login takes: it gives a program the rights of the console's session, and no others.
Source: Service Authorization Reference, AWS Signin."""
OWN_USER = {*OWN_PASSWORD, *OWN_MFA, *CLI_SIGN_IN}
"""What people may do to their own IAM user, and no other."""
MFA = "aws:MultiFactorAuthPresent"
"""Source: AWS managed policy IAMUserChangePassword."""

AUTOMATION = "ssm.amazonaws.com"
CLOUDFORMATION = "cloudformation.amazonaws.com"
SCHEDULER = "scheduler.amazonaws.com"
