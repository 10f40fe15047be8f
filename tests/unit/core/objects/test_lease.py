"""Locks in a bucket: one holder, a living one keeps its lock, and a dead one's goes to the next."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from patent_spark.core.errors import WorkError
from patent_spark.core.objects.lease import Lease, held
from patent_spark.core.storage import HeldError
from patent_spark.refresh.lock import living_holder, refresh_lock
from tests.support.errors import raises

LEASE_S = 2.0


@pytest.fixture
def killed(bucket, monkeypatch):
    """A lock whose holder was killed: nobody renews it."""
    monkeypatch.setattr(Lease, "_keep", lambda self: None)
    lease = Lease(bucket, "lock", LEASE_S)
    assert lease.take() is None
    monkeypatch.undo()
    return lease


def test_of_sixteen_that_want_a_lock_one_gets_it(bucket):
    together = threading.Barrier(16)
    leases = [Lease(bucket, "lock", 60.0) for _ in range(16)]

    def take(lease):
        together.wait()
        return lease.take() is None

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(take, leases)) == 1


def test_the_second_is_told_who_holds_it(bucket):
    with held(bucket, "lock", LEASE_S), pytest.raises(HeldError) as caught, held(bucket, "lock", LEASE_S):
        pass
    assert caught.value.holder["process"]


def test_a_holder_that_lives_keeps_it_for_longer_than_its_lease(bucket):
    with held(bucket, "lock", LEASE_S) as lease:
        time.sleep(2 * LEASE_S + 1)
        with pytest.raises(HeldError), held(bucket, "lock", LEASE_S):
            pass
        lease.require()


def test_it_is_free_at_once_when_its_holder_ends(bucket):
    for _ in range(2):
        with pytest.raises(KeyError), held(bucket, "lock", 60.0):
            raise KeyError


def test_a_dead_holders_lock_goes_to_who_waits_when_the_lease_is_over(bucket, killed):
    with pytest.raises(HeldError), held(bucket, "lock", LEASE_S):
        pass
    with held(bucket, "lock", LEASE_S, wait=True) as lease:
        lease.require()


def test_a_holder_that_was_only_paused_may_not_go_on(bucket, killed):
    killed.require()
    with held(bucket, "lock", LEASE_S, wait=True) as successor:
        with raises(WorkError, setting="warehouse.lease_seconds"):
            killed.require()
        killed.give_back(delete=False)
        assert json.loads(bucket.read("lock").text)["id"] == successor._note["id"]


def test_a_holder_that_the_server_no_longer_answers_loses_it(bucket, server):
    with held(bucket, "lock", LEASE_S) as lease:
        server.refuse("PUT", "lock", 403, "AccessDenied")
        time.sleep(LEASE_S + 1)
        with raises(WorkError, setting="warehouse.lease_seconds"):
            lease.require()


def test_a_write_that_nobody_answered_counts_when_it_is_sent_again(bucket):
    assert bucket.write_if("pointer", "new", None)
    assert bucket.write_if("pointer", "new", None)
    assert bucket.write_if("pointer", "other", None) is None


def test_one_refresh_of_a_bucket_at_a_time(machine):
    first, second = machine("one").control, machine("two").control
    with refresh_lock(first):
        holder = living_holder(second)
        assert holder["process"]
        with pytest.raises(WorkError) as caught, refresh_lock(second):
            pass
        assert caught.value.facts["holder"]["host"] == holder["host"]
    assert living_holder(second) == {}
    with refresh_lock(second):
        pass
