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
