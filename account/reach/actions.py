"""Actions by which somebody reaches what a deployment makes and stands on."""

ASSUME_ROLE = "sts:AssumeRole"

STARTS = (
    *("ssm:StartAutomationExecution", "ssm:StartChangeRequestExecution"),
    *("ssm:CreateAssociation", "ssm:CreateAssociationBatch", "ssm:UpdateAssociation"),
)
CHANGES = ("ssm:UpdateDocument", "ssm:UpdateDocumentDefaultVersion", "ssm:DeleteDocument")
SHARES = ("ssm:ModifyDocumentPermission", "ssm:PutResourcePolicy")
ON_ROLES = (
    *("iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy"),
    *("iam:PutRolePolicy", "iam:DeleteRolePolicy"),
    *("iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"),
    "iam:DeleteRole",
)
ON_POLICIES = (
    *("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeletePolicyVersion"),
    "iam:DeletePolicy",
)
ON_GROUPS = (
    *("iam:AddUserToGroup", "iam:RemoveUserFromGroup", "iam:UpdateGroup"),
    *("iam:AttachGroupPolicy", "iam:DetachGroupPolicy"),
    *("iam:PutGroupPolicy", "iam:DeleteGroupPolicy", "iam:DeleteGroup"),
)
KEYS = ("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile")
SIGN_INS = (*KEYS, "iam:EnableMFADevice", "iam:DeactivateMFADevice")
GIVES_A_ROLE = ("iam:AttachRolePolicy", "iam:PutRolePolicy")
GIVES_A_USER = ("iam:AttachUserPolicy", "iam:PutUserPolicy")
GIVES_A_GROUP = ("iam:AttachGroupPolicy", "iam:PutGroupPolicy")
ON_USERS = (
    *("iam:AttachUserPolicy", "iam:DetachUserPolicy", "iam:PutUserPolicy"),
    *("iam:DeleteUserPolicy", "iam:UpdateUser", "iam:PutUserPermissionsBoundary"),
    *("iam:DeleteUserPermissionsBoundary", "iam:DeleteUser"),
)
UPDATES = ("cloudformation:UpdateStack", "cloudformation:ExecuteChangeSet")
ON_STACKS = (
    *(*UPDATES, "cloudformation:DeleteStack", "cloudformation:RollbackStack"),
    *("cloudformation:ContinueUpdateRollback", "cloudformation:SetStackPolicy"),
)
BY_SERVICES = ("ssm:RegisterTaskWithMaintenanceWindow", "ssm:UpdateMaintenanceWindowTask")
"""What has a service start any runbook, with its own role. Source: the AWS managed policies
AmazonSSMServiceRolePolicy and AWSConfigRemediationServiceRolePolicy."""
REMEDIATES = "config:PutRemediationConfigurations"
LETS_IN_BY_OIDC = ("iam:AddClientIDToOpenIDConnectProvider",)
LETS_IN_BY_SAML = ("iam:UpdateSAMLProvider",)
ON_OIDC_PROVIDERS = (
    *(*LETS_IN_BY_OIDC, "iam:DeleteOpenIDConnectProvider"),
    "iam:UpdateOpenIDConnectProviderThumbprint",
)
ON_SAML_PROVIDERS = (*LETS_IN_BY_SAML, "iam:DeleteSAMLProvider")
ON_RULES = (
    *("events:DisableRule", "events:PutRule", "events:DeleteRule"),
    *("events:PutTargets", "events:RemoveTargets"),
)
ON_SCHEDULES = (
    *("scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"),
)
ON_LOGS = (
    *("logs:DeleteLogGroup", "logs:PutRetentionPolicy", "logs:DeleteRetentionPolicy"),
    *("logs:PutSubscriptionFilter", "logs:PutDataProtectionPolicy", "logs:PutTransformer"),
    *("logs:AssociateKmsKey", "logs:DisassociateKmsKey"),
)
ON_EVERY_LOG = ("logs:PutResourcePolicy", "logs:DeleteResourcePolicy", "logs:PutAccountPolicy")
ON_TOPICS = (
    *("sns:DeleteTopic", "sns:SetTopicAttributes", "sns:AddPermission", "sns:RemovePermission"),
    *("sns:Subscribe", "sns:Unsubscribe", "sns:SetSubscriptionAttributes"),
    *("sns:Publish", "sns:PutDataProtectionPolicy"),
)
ON_KEYS = ("kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:CreateGrant")
ON_TRAILS = (
    *("cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail"),
    "cloudtrail:PutEventSelectors",
)
