"""A new champion takes over without a restart: a thread looks into the registry every few seconds."""

from __future__ import annotations

import threading

from patent_spark.core.progress import log
from patent_spark.service.answers import RegistryAnswer
from patent_spark.service.champions import Champions
from patent_spark.service.gate import log_failure
from patent_spark.service.live_models import LiveModels, now
from patent_spark.service.service_metrics import ServiceMetrics
from patent_spark.tracking.server import TrackingError


class ChampionPoller:
    """Looks for new champions until it is stopped. seconds: between two looks.

    A registry that is away, or a champion that is refused, changes nothing of what answers.
    """

    def __init__(self, champions: Champions, seconds: float) -> None:
        self._champions = champions
        self._seconds = seconds
        self._stopped = threading.Event()
        # A look can hang in a call that nothing ends; the process need not wait for it.
        self._thread = threading.Thread(target=self._run, name="champions", daemon=True)
        self._answers: bool | None = None
        self._last_look: str | None = None

    def answer(self) -> RegistryAnswer:
        """For /version."""
        return RegistryAnswer(
            polled_s=self._seconds,
            last_look=self._last_look,
            answers=self._answers,
            refused=self._champions.refused,
        )

    def start(self, live: LiveModels, metrics: ServiceMetrics) -> None:
        """Begin to look, and replace what is live."""
        self._live, self._metrics = live, metrics
        metrics.registry_answers.set(1)  # it just gave the first models
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def look(self) -> None:
        """Look once."""
        try:
            self._take_over()
            answers = True
        except TrackingError as error:
            answers = False
            if self._answers is not False:
                log.warning("the registry does not answer, the models stay: %s", error)
        except Exception as error:  # whatever it is, the models that answer go on
            answers = False
            log_failure(error)
        self._answers, self._last_look = answers, now()
        self._metrics.registry_answers.set(int(answers))

    def _take_over(self) -> None:
        accepted, refused = self._champions.look()
        for version, unfit in refused:
            self._metrics.refused_reloads.labels(version.name, unfit.code).inc()
        if accepted or self._champions.has_new_index(self._live.current):
            self._live.current = self._champions.models()
        for version in accepted:
            self._metrics.reloads.labels(version.name).inc()
            log.info("%s took over", version.address)

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            self.look()
