"""One refresh at a time: a living process keeps the lock, a dead one's is taken over."""

import os
import signal
import subprocess
import sys

from patent_spark.core.errors import WorkError
from patent_spark.core.local_storage import LocalControlFiles
from patent_spark.refresh.lock import refresh_lock
from tests.support.errors import raises

HOLD = """
import sys, time
from pathlib import Path
from patent_spark.core.local_storage import LocalControlFiles
from patent_spark.refresh.lock import refresh_lock
with refresh_lock(LocalControlFiles(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_who_holds_it_and_a_killed_holder_loses_it(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with raises(WorkError) as caught, refresh_lock(LocalControlFiles(tmp_path)):
            pass
        assert caught.value.facts["holder"]["process"] == str(holder.pid)
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(10)
    with refresh_lock(LocalControlFiles(tmp_path)):
        assert str(os.getpid()) in (tmp_path / "refresh" / "lock").read_text()


def test_it_is_free_after_an_error(tmp_path):
    for _ in range(2):
        try:
            with refresh_lock(LocalControlFiles(tmp_path)):
                raise KeyError
        except KeyError:
            pass
