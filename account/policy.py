"""What the doctor reads, as a policy for the role that runs it."""

from typing import Any

from review.invariants.pipelines.doctor import DOCTOR_READS


def doctor_policy() -> dict[str, Any]:
    """The policy's document: every action reads, and most name no resource, or all."""
    statement = {
        "Sid": "ReadWhatTheDoctorCompares",
        "Effect": "Allow",
        "Action": list(DOCTOR_READS),
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
