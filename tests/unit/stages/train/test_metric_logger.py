"""No step waits for MLflow, and nothing is sent twice at a time."""

import threading

from patent_spark.stages.train.metric_logger import AsyncMetricLogger

HISTORY = [{"epoch": 1, "train_loss": 2.0}, {"epoch": 2, "train_loss": 1.5}, {"epoch": 3, "train_loss": 1.2}]


class SilentRun:
    """A run whose server takes a call, and answers only later."""

    def __init__(self):
        self.calls, self.answer = [], threading.Event()

    def log_epochs(self, history):
        self.calls.append(len(history))
        self.answer.wait(timeout=20)
        return []


def test_what_a_silent_server_keeps_from_being_sent_waits_for_the_next_call():
    run, history = SilentRun(), HISTORY[:1]
    metric_logger = AsyncMetricLogger(run)
    metric_logger.flush()
    metric_logger.log(history)
    history.append(HISTORY[1])  # the loop goes on
    metric_logger.log(history)
    run.answer.set()
    metric_logger.flush()
    metric_logger.log(HISTORY)
    metric_logger.flush()
    assert run.calls == [1, 3]
