"""Where models come from: the registry by alias, number and run, folders, and the cache of downloads."""

import os
import shutil

import pytest

from patent_spark.config import ConfigError, load_config
from patent_spark.core.errors import DataError
from patent_spark.inference import model_cache
from patent_spark.inference.model_cache import cache_folder
from patent_spark.inference.model_package import Package
from patent_spark.inference.model_source import open_models
from patent_spark.tracking.registry import IDENTITY, Registry
from patent_spark.tracking.runs import create_run
from tests.support.errors import raises
from tests.support.small_package import small_package


def configured(root, *sets):
    return load_config(sets=[f"warehouse.root={root}/w", f"inference.cache={root}/cache", *sets])[0]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two versions of technology, of which 1 is the champion, one of citation_level, and a joint model."""
    root = tmp_path_factory.mktemp("registry")
    config = configured(root)
    for model, seeds in {"technology": (1, 2), "citation_level": (3,), "joint": (4,)}.items():
        for number, seed in enumerate(seeds):
            tasks = ("technology", "citation_level") if model == "joint" else (model,)
            package = small_package(root / f"{model}-{seed}", tasks, joint=model == "joint", seed=seed)
            run = create_run(config, model, {})
            registry = Registry(config, model)
            version = registry.add(run.run_id, package.folder, {IDENTITY: package.identity}, model)
            if number == 0 and model != "joint":
                registry.promote(version)
    return root


def named(opened):
    return {task: (each.name, each.version) for task, each in opened.items()}


def test_the_champions_are_the_default(root):
    opened = open_models(configured(root), threads=1)
    assert named(opened) == {
        "technology": ("patent_spark_technology", "1"),
        "citation_level": ("patent_spark_citation_level", "1"),
    }
    technology = opened["technology"]
    assert technology.address == "models:/patent_spark_technology/1"
    assert (technology.release_id, technology.task) == ("small", "technology")
    assert technology.package.identity == small_identity(root, "technology-1")
    assert list(open_models(configured(root), tasks=["citation_level"])) == ["citation_level"]


def small_identity(root, folder):
    return Package(root / folder).identity


@pytest.mark.parametrize(
    ("model", "folder", "number"),
    [
        ("technology=2", "technology-2", "2"),
        ("models:/patent_spark_technology/2", "technology-2", "2"),
        ("models:/patent_spark_technology@champion", "technology-1", "1"),
        ("joint=1", "joint-4", "1"),
    ],
)
def test_a_version_by_its_number_or_alias(root, model, folder, number):
    opened = open_models(configured(root), model)
    assert {each.version for each in opened.values()} == {number}
    assert {each.package.identity for each in opened.values()} == {small_identity(root, folder)}


def test_a_version_by_the_run_that_trained_it(root):
    version = Registry(configured(root), "technology").version("2")
    for run in (version.run_id, version.run_id[:10]):
        assert named(open_models(configured(root), f"run:{run}")) == {
            "technology": ("patent_spark_technology", "2")
        }
    with raises(DataError, run="0123456789"):
        open_models(configured(root), "run:0123456789")


def test_a_folder(root):
    opened = open_models(configured(root), str(root / "joint-4"))
    assert list(opened) == ["technology", "citation_level"]
    assert opened["technology"].package is opened["citation_level"].package
    assert (opened["technology"].version, opened["technology"].address) == ("", str(root / "joint-4"))


def test_a_joint_champion_counts_where_it_is_configured(root, tmp_path):
    shutil.copytree(root / "w", tmp_path / "w")
    config = configured(tmp_path)
    joint = Registry(config, "joint")
    joint.promote(joint.version("1"))
    assert {each.name for each in open_models(config).values()} == {
        "patent_spark_technology",
        "patent_spark_citation_level",
    }
    assert {
        each.name
        for each in open_models(configured(tmp_path, "tasks=joint", "technology.max_tokens=200")).values()
    } == {"patent_spark_joint"}


def test_what_does_not_exist_is_named(root, tmp_path):
    with raises(DataError, model="technology=7", name="patent_spark_technology"):
        open_models(configured(root), "technology=7")
    with raises(DataError, model="models:/elsewhere/1", name="elsewhere"):
        open_models(configured(root), "models:/elsewhere/1")
    with raises(DataError, model="technology=1", task="citation_level", available="technology"):
        open_models(configured(root), "technology=1", ["technology", "citation_level"])
    with raises(DataError, model="champion", task="any task"):
        open_models(configured(tmp_path))
    assert not (tmp_path / "w").exists()  # looking makes no database
    for model in (str(tmp_path / "nowhere"), "technology=x", "models:/a/b/c"):
        with raises(ConfigError, model=model):
            open_models(configured(root), model)
    with raises(DataError, file=str(tmp_path)):
        open_models(configured(root), str(tmp_path))


def test_a_model_is_downloaded_once(root, tmp_path, monkeypatch):
    config = configured(root, f"inference.cache={tmp_path}/cache")
    first = open_models(config, tasks=["technology"])["technology"].package.folder
    assert first.parent == cache_folder(config) == tmp_path / "cache"
    assert first.name == small_identity(root, "technology-1")

    def refused(*_):
        raise AssertionError("downloaded again")

    monkeypatch.setattr(Registry, "fetch", refused)
    assert open_models(config, tasks=["technology"])["technology"].package.folder == first
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [first.name]  # nothing half done


def test_a_download_that_fails_leaves_nothing(root, tmp_path, monkeypatch):
    config, fetch = configured(root, f"inference.cache={tmp_path}/cache"), Registry.fetch

    def cut(self, version, folder):
        copied = fetch(self, version, folder)
        (copied / "package.json").write_text("{")
        return copied

    monkeypatch.setattr(Registry, "fetch", cut)
    with pytest.raises(DataError):
        open_models(config, "technology=1")
    assert list((tmp_path / "cache").iterdir()) == []
    monkeypatch.setattr(Registry, "fetch", fetch)
    assert len(open_models(config, "technology=1")) == 1


def test_downloads_of_killed_processes_are_removed(root, tmp_path):
    abandoned, running = (tmp_path / "cache" / f".download-{name}" for name in ("abandoned", "running"))
    for folder in (abandoned, running):
        folder.mkdir(parents=True)
    os.utime(abandoned, (0, 0))
    open_models(configured(root, f"inference.cache={tmp_path}/cache"), "technology=1")
    assert (abandoned.exists(), running.exists()) == (False, True)


def test_the_faster_of_two_downloads_counts(root, tmp_path, monkeypatch):
    config, fetch = configured(root, f"inference.cache={tmp_path}/cache"), Registry.fetch

    def overtaken(self, version, folder):
        copied = fetch(self, version, folder)
        shutil.copytree(copied, tmp_path / "cache" / version.tags[IDENTITY])
        return copied

    monkeypatch.setattr(Registry, "fetch", overtaken)
    assert len(open_models(config, "technology=1")) == 1
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_the_cache_of_the_user(monkeypatch, tmp_path):
    config = load_config()[0]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder(config) == tmp_path / "patent_spark" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(model_cache.Path, "home", lambda: tmp_path / "home")
    assert cache_folder(config) == tmp_path / "home" / ".cache" / "patent_spark" / "models"
