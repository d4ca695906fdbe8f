"""What CloudFormation's execution role needs, in place of AdministratorAccess."""
