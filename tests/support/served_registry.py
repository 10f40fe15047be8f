"""A registry with small packages, some of them spoilt, for a service that follows its champion."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from patent_spark.config import load_config
from patent_spark.tracking.registry import CHAMPION, IDENTITY, Registry
from patent_spark.tracking.runs import create_run
from patent_spark.tracking.server import connected
from tests.support.small_package import small_package


def served_config(folder, *sets):
    """Settings of a warehouse, a cache and a registry below a folder."""
    own = [f"warehouse.root={folder}/warehouse", f"inference.cache={folder}/cache", "service.port=0"]
    return load_config(sets=[*own, *sets])[0]


class ServedRegistry:
    """Registers packages of one model."""

    def __init__(self, config, packages, model="technology"):
        self.config = config
        self._packages = packages
        self._registry = Registry(config, model)
        self.name = self._registry.name
        self._run = create_run(config, model, {}).run_id

    def promote(self, package, number):
        """Register a folder as the next version and make it the champion; `number` identifies its content."""
        tags = {IDENTITY: f"{number:016x}", "release_id": "small"}
        version = self._registry.add(self._run, Path(package), tags, "")
        self._registry.promote(version)
        return version

    def promote_again(self, version):
        """Make an earlier version the champion."""
        self._registry.promote(version)

    def promote_foreign(self):
        """Make a version the champion that patent-spark did not register."""
        with connected(self.config) as client:
            source = client.get_run(self._run).info.artifact_uri
            made = client.create_model_version(self._registry.name, source, run_id=self._run)
            client.set_registered_model_alias(self._registry.name, CHAMPION, made.version)

    def spoilt(self, package, name, spoil):
        """A copy of a package after `spoil(folder)`."""
        folder = self._packages / name
        shutil.copytree(package, folder)
        spoil(folder)
        return folder


def with_other_answers(folder):
    """Its samples no longer are what the model says."""
    path = folder / "samples.json"
    samples = json.loads(path.read_text())
    for sample in samples:
        for task, values in sample["probabilities"].items():
            sample["probabilities"][task] = values[::-1]
    path.write_text(json.dumps(samples))


def with_half_a_network(folder):
    """model.onnx ends early."""
    for path in folder.glob("*/model.onnx"):
        path.write_bytes(path.read_bytes()[:-200])


def without_samples(folder):
    """As an older version packed it."""
    (folder / "samples.json").unlink()


def small_packages(folder):
    """Three packages of technology that answer differently."""
    return [small_package(folder / str(seed), tasks=("technology",), seed=seed).folder for seed in (1, 2, 3)]
