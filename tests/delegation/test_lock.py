"""permissions.lock.json: what is accepted, and what a stale lock says."""

import json
from pathlib import Path

import pytest

from delegation.configuration import check_needs, load
from delegation.errors import DelegationError
from delegation.lock import Accepted, accept, check_accepted

_STOP: Accepted = {"any-account": {"Role": {"ec2:StopInstances on instance/*": ["Stop/stop"]}}}
_START: Accepted = {"any-account": {"Role": {"ec2:StartInstances on instance/*": ["Start/start"]}}}


def test_accepted_needs_pass(tmp_path: Path) -> None:
    lock = tmp_path / "permissions.lock.json"

    accept(_STOP, lock)

    check_accepted(_STOP, lock)


def test_stale_lock_prints_what_is_gained_and_lost_with_the_steps(tmp_path: Path) -> None:
    lock = tmp_path / "permissions.lock.json"
    accept(_STOP, lock)

    with pytest.raises(DelegationError) as error:
        check_accepted(_START, lock)

    assert str(error.value) == (
        "permissions.lock.json does not accept what the runbooks need:\n"
        "  + Role (any-account) gains ec2:StartInstances on instance/*, for Start/start\n"
        "  - Role (any-account) loses ec2:StopInstances on instance/*, was for Stop/stop\n"
        "the administrator reviews this and runs: python -m delegation accept"
    )


def test_other_step_with_the_same_need_is_reported(tmp_path: Path) -> None:
    lock = tmp_path / "permissions.lock.json"
    accept(_STOP, lock)
    renamed: Accepted = {
        "any-account": {"Role": {"ec2:StopInstances on instance/*": ["Stop/halt"]}}
    }

    changes = accept(renamed, lock)

    assert changes == [
        "~ Role (any-account) keeps ec2:StopInstances on instance/*, now for Stop/halt, "
        "was for Stop/stop"
    ]


def test_role_without_any_need_is_reported(tmp_path: Path) -> None:
    lock = tmp_path / "permissions.lock.json"
    accept({}, lock)

    with pytest.raises(DelegationError) as error:
        check_accepted({"any-account": {"Role": {}}}, lock)

    assert "  + Role (any-account) gains no action" in str(error.value).splitlines()


def test_missing_lock_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(DelegationError) as error:
        check_accepted(_STOP, tmp_path / "permissions.lock.json")

    assert str(error.value) == (
        "permissions.lock.json does not exist; the administrator runs: python -m delegation accept"
    )


def test_broken_lock_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "permissions.lock.json"
    lock.write_text("<<<<<<<", "utf-8")

    with pytest.raises(DelegationError) as error:
        check_accepted(_STOP, lock)

    assert str(error.value) == (
        "permissions.lock.json: is not JSON: Expecting value: line 1 column 1 (char 0); "
        "the administrator writes it anew: python -m delegation accept"
    )
    accept(_STOP, lock)
    check_accepted(_STOP, lock)


@pytest.mark.parametrize("text", ["[]", '{"any-account": []}', '{"any-account": {"Role": null}}'])
def test_lock_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    lock = tmp_path / "permissions.lock.json"
    lock.write_text(text, "utf-8")

    with pytest.raises(DelegationError) as error:
        check_accepted(_STOP, lock)

    assert str(error.value) == (
        "permissions.lock.json: is not what was accepted; "
        "the administrator writes it anew: python -m delegation accept"
    )


def test_lock_of_the_project_accepts_its_deployments() -> None:
    check_accepted(load().needs)


def test_guide_profile_needs_no_acceptance(tmp_path: Path) -> None:
    check_needs(load("guide"))


def test_accepted_file_is_the_same_whatever_the_order(tmp_path: Path) -> None:
    lock = tmp_path / "permissions.lock.json"

    accept({"any-account": {"B": {}, "A": {}}}, lock)

    assert json.dumps(json.loads(lock.read_text())) == '{"any-account": {"A": {}, "B": {}}}'


def test_needs_that_are_alike_stand_once_and_are_accepted_for_each(tmp_path: Path) -> None:
    lock = tmp_path / "permissions.lock.json"
    alike: Accepted = {
        str(number) * 12: {"Role": {"ec2:StopInstances on *": ["Runbook/stop"]}}
        for number in range(1, 6)
    }
    other: Accepted = {"6" * 12: {"Role": {"ec2:StartInstances on *": ["Runbook/start"]}}}

    changes = accept({**alike, **other}, lock)

    assert changes == [
        "+ Role (111111111111, 222222222222, 333333333333 and 2 more) gains ec2:StopInstances on "
        "*, for Runbook/stop",
        "+ Role (666666666666) gains ec2:StartInstances on *, for Runbook/start",
    ]
    assert lock.read_text("utf-8").count("Runbook/stop") == 1
    check_accepted({**alike, **other}, lock)
    with pytest.raises(DelegationError, match=r"Role \(555555555555\) gains ec2:RebootInstances"):
        check_accepted(
            {**alike, **other, "5" * 12: {"Role": {"ec2:RebootInstances on *": ["R/r"]}}}, lock
        )
