"""`patent-spark refresh` that SIGKILL ends: at a rename of its own choice, or from outside after some time.

As a program it takes the number of the rename and the arguments of the command. Each publication is a rename.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.small_run import PROGRAM, ROOT, SMALL, set_options

SETTINGS = [*SMALL, "tasks=technology", "train.ranks=1", "evaluate.resamples=50"]
DAYS = ("2018-12-31", "2019-12-31", "2020-12-31", "2021-12-31", "2022-12-31")
"""Last grant dates of releases, each with the one before and a year more."""


def arguments(root, day, *more):
    """The arguments of a refresh of a small simulated release."""
    sets = [*SETTINGS, f"warehouse.root={root}", f"simulate.data_to_date={day}"]
    return ["refresh", "--config", str(ROOT / "conf" / "demo.yaml"), *set_options(sets), *more]


def finish(root, day, *more):
    """A refresh that nothing disturbs."""
    return subprocess.run(
        [PROGRAM, *arguments(root, day, *more)], cwd=ROOT, capture_output=True, text=True, timeout=500
    )


def killed_after(seconds, root, day):
    """Whether a refresh was still at work when it was killed."""
    process = subprocess.Popen(
        [PROGRAM, *arguments(root, day)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() == -signal.SIGKILL


def killed_at(rename, root, day):
    """Whether a refresh came to this rename, counted from 1, and ended before it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_refresh", str(rename), *arguments(root, day)],
        cwd=ROOT,
        capture_output=True,
        timeout=500,
    )
    return done.returncode == -signal.SIGKILL


def main(rename, words):
    """Run the command line, and end the process before the rename of that number."""
    from patent_spark.cli import main

    replace, renames = Path.replace, 0

    def counted(path, target):
        nonlocal renames
        renames += 1
        if renames == rename:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(path, target)

    Path.replace = counted
    return main(words)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
