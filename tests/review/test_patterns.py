"""Patterns: what one covers, what two share, each with a twin one character away."""

import pytest

from review.iam.patterns import an_example, common, covers, overlap, overlaps_kind, surely_covers

_ARN = "arn:aws:ssm:us-east-1:111122223333"


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("*", f"{_ARN}:document/A", True),
        (f"{_ARN}:document/*", f"{_ARN}:document/A*", True),
        (f"{_ARN}:document/A*", f"{_ARN}:document/*", False),
        (f"{_ARN}:document/A?", f"{_ARN}:document/AB", True),
        (f"{_ARN}:document/A?", f"{_ARN}:document/A*", False),
        (f"{_ARN}:document/A", f"{_ARN}:document/A", True),
        (f"{_ARN}:document/A", f"{_ARN}:document/B", False),
        ("ssm:get*", "ssm:getdocument", True),
        ("ssm:get*", "ssm:listdocuments", False),
        ("a.c", "abc", False),
    ],
)
def test_pattern_covers_a_narrower_one(wide: str, narrow: str, expected: bool) -> None:
    assert covers(wide, narrow) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("*", f"{_ARN}:document/A", True),
        (f"{_ARN}:document/A*", f"{_ARN}:document/*B", True),
        (f"{_ARN}:document/A*", f"{_ARN}:document/B*", False),
        (f"{_ARN}:document/A", f"{_ARN}:document/A", True),
        (f"{_ARN}:document/A", f"{_ARN}:document/AB", False),
        ("arn:*:ssm:*:*:document/*", f"{_ARN}:document/A", True),
        ("arn:*:ssm:*:*:document/*", f"{_ARN}:automation-definition/A:*", False),
        ("arn:*:ssm:eu-*:*:document/*", f"{_ARN}:document/A", False),
    ],
)
def test_patterns_overlap_part_by_part(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is expected
    assert overlap(other, one) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("*", f"{_ARN}:document/A", f"{_ARN}:document/A"),
        (f"{_ARN}:document/A*", f"{_ARN}:document/*", f"{_ARN}:document/A*"),
        (f"{_ARN}:document/A", f"{_ARN}:document/B", None),
        (
            "arn:aws:ssm:*:111122223333:document/A",
            "arn:aws:ssm:us-east-1:*:document/*",
            "arn:aws:ssm:us-east-1:*:document/*",
        ),
        # A star at the end of a part goes beyond the colon.
        (
            "arn:aws:lambda:*:*:function:Automation*",
            "arn:aws:lambda:*:*:Automation*x",
            "arn:aws:lambda:*:*:Automation*x",
        ),
        # No one pattern shows what these share: the second, which is wider than the truth.
        (f"{_ARN}:document/A*", f"{_ARN}:document/*B", f"{_ARN}:document/*B"),
    ],
)
def test_common_part_of_two_patterns(one: str, other: str, expected: str | None) -> None:
    assert common(one, other) == expected


def test_example_is_stood_for_by_its_pattern() -> None:
    for pattern in ("*", f"{_ARN}:document/A*", "arn:aws:ec2:us-east-1:1:instance/*", "a?c"):
        assert covers(pattern, an_example(pattern))


_SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ApproverAccess-1"
_BEYOND = "arn:aws:secretsmanager:*:*:ApproverAccess*"


def test_star_goes_beyond_a_colon_where_that_gives_more() -> None:
    assert covers(_BEYOND, _SECRET)
    assert not surely_covers(_BEYOND, _SECRET)
    assert overlaps_kind(_BEYOND, "arn:*:secretsmanager:*:*:secret:*")
    assert not overlaps_kind(_BEYOND, "arn:*:ssm:*:*:document/*")
    assert not overlaps_kind("arn:aws:s3:::bucket/*", "arn:*:s3:*:*:accesspoint/*")


def test_many_stars_take_no_time() -> None:
    assert not covers("*".join("a" * 40) + "b", "a" * 5_000)
