"""Calls of other services that AWS answers otherwise than the emulator would."""

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from tests.sandbox.conftest import error_code

pytestmark = pytest.mark.sandbox


def test_volumes_are_encrypted_by_default_once_that_is_enabled(sandbox: Sandbox) -> None:
    ec2 = sandbox.client("ec2", region="eu-west-2")
    before = ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    ec2.enable_ebs_encryption_by_default()
    enabled = ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    ec2.disable_ebs_encryption_by_default()
    after = ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]

    assert (before, enabled, after) == (False, True, False)


def test_asymmetric_key_is_not_rotated(sandbox: Sandbox) -> None:
    kms = sandbox.client("kms")
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]

    assert error_code(kms.enable_key_rotation, KeyId=key) == "UnsupportedOperationException"


def test_bucket_of_another_owner_than_expected_is_refused(sandbox: Sandbox, unique: str) -> None:
    s3 = sandbox.client("s3")
    bucket = unique.lower()
    s3.create_bucket(Bucket=bucket)
    s3.get_bucket_versioning(Bucket=bucket, ExpectedBucketOwner="000000000000")

    with pytest.raises(ClientError) as caught:
        s3.get_bucket_versioning(Bucket=bucket, ExpectedBucketOwner="111122223333")

    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_database_is_modified_and_then_available(sandbox: Sandbox, unique: str) -> None:
    rds = sandbox.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier=unique,
        DBInstanceClass="db.t3.micro",
        Engine="mysql",
        AllocatedStorage=20,
        MasterUsername="admin",
        ManageMasterUserPassword=True,
    )

    def status() -> str:
        found = rds.describe_db_instances(DBInstanceIdentifier=unique)["DBInstances"][0]
        return str(found["DBInstanceStatus"])

    rds.modify_db_instance(
        DBInstanceIdentifier=unique, PubliclyAccessible=False, ApplyImmediately=True
    )
    at_once = status()
    waiter = rds.get_waiter("db_instance_available")
    waiter.wait(DBInstanceIdentifier=unique, WaiterConfig={"Delay": 0.2, "MaxAttempts": 50})
    rds.create_db_snapshot(DBSnapshotIdentifier=f"a{unique}", DBInstanceIdentifier=unique)
    copy = rds.copy_db_snapshot(
        SourceDBSnapshotIdentifier=f"a{unique}",
        TargetDBSnapshotIdentifier=f"b{unique}",
        KmsKeyId="alias/aws/rds",
    )["DBSnapshot"]

    assert (at_once, status()) == ("modifying", "available")
    assert (copy["DBSnapshotIdentifier"], copy["Encrypted"]) == (f"b{unique}", True)


def test_truth_value_of_a_queue_is_answered_in_small_letters(sandbox: Sandbox, unique: str) -> None:
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName=unique)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "True"})

    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["SqsManagedSseEnabled"])

    assert kept["Attributes"] == {"SqsManagedSseEnabled": "true"}
