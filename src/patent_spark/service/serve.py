"""`patent-spark serve`: from settings and a model to a server that listens."""

from __future__ import annotations

import os

from patent_spark.config import Config
from patent_spark.core.errors import WorkError
from patent_spark.core.progress import say
from patent_spark.inference.model_source import open_models
from patent_spark.service.access import on_loopback, read_token
from patent_spark.service.app import Application, fixed_models
from patent_spark.service.champions import Champions
from patent_spark.service.http_server import address_of, ended_by_sigterm, http_server, listening_socket
from patent_spark.service.live_models import LiveModels, LoadedModels
from patent_spark.service.loading import UnfitModel, check_samples, loaded_models
from patent_spark.service.reload import ChampionPoller
from patent_spark.tracking.registry import CHAMPION


def serve(config: Config, model: str = CHAMPION) -> None:
    """Answer requests until SIGTERM; requests in progress are finished.

    model: `champion` follows the registry; any other (see inference.model_source) stays what it is.

    Raises ConfigError for an address that needs a token or cannot be listened on, DataError when there is no
    model, WorkError when a model does not answer its own sample texts.
    """
    settings = config.service
    token = read_token(settings)
    bound = listening_socket(settings)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(settings.poll_timeout_s))
    poller = None
    if model == CHAMPION:
        champions = Champions(config)
        models = first_champions(champions)
        poller = ChampionPoller(champions, settings.poll_s)
    else:
        models = _fixed(config, model)
    application = Application(
        settings, LiveModels(models), token, poller.answer if poller is not None else fixed_models
    )
    server = http_server(application.asgi, settings)
    bound.listen(512)
    say(_started(models, address_of(bound), bool(token), on_loopback(settings.host)))
    if poller is not None:
        poller.start(application.live, application.metrics)
    with bound, ended_by_sigterm():
        server.run(sockets=[bound])
    if poller is not None:
        poller.stop()
    say("the service stopped; requests in progress were finished")


def first_champions(champions: Champions) -> LoadedModels:
    """The models to begin with. Raises as `serve`."""
    _, refused = champions.look()
    for version, unfit in refused:
        raise _unfit(version.address, unfit)
    return champions.models()


def _fixed(config: Config, model: str) -> LoadedModels:
    opened = open_models(config, model, threads=1)
    for each in opened.values():
        try:
            check_samples(each.package)
        except UnfitModel as unfit:
            raise _unfit(each.address, unfit) from unfit
    return loaded_models(config, opened)


def _unfit(address: str, unfit: UnfitModel) -> WorkError:
    return WorkError(
        f"{address} cannot serve: {unfit.reason}; register it again, or serve another with --model",
        model=address,
    )


def _started(models: LoadedModels, address: str, has_token: bool, loopback: bool) -> str:
    versions = ", ".join(
        f"{each.task} {f'version {each.version}' if each.version else each.name}"
        for each in models.versions.values()
    )
    reached = "this machine only" if loopback else "other machines too"
    return f"{address} answers ({versions}), for {reached}, {'with' if has_token else 'without'} a token"
