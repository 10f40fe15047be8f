"""Files of deploy/images/, and the ETL and the serving image built and run (`make test-images`)."""

import json
import re
import subprocess

import pytest

from patent_spark.core.store import Store
from tests.support.containers import IMAGES, ROOT, TOOLS, build, built_by, call
from tests.support.small_package import small_package
from tests.support.small_run import SMALL, patent_spark, set_options
from tests.support.table_hash import table_digest

FILES = sorted(IMAGES.glob("*.Containerfile"))
STAND_INS = sorted((ROOT / "tests" / "deploy" / "stand_ins").glob("*.Containerfile"))
NAMES = {"etl", "train", "train-gpu", "serve", "mlflow"}
USER = 10001


def test_every_image_has_a_file():
    assert {path.stem for path in FILES} == NAMES


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_an_image_names_no_registry_and_runs_without_root(file):
    text = file.read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert bases and all(re.fullmatch(r"\$\{(BASE|CUDA)\}", base) for base in bases)
    defaults = re.findall(r"^ARG (?:BASE|CUDA)=(\S+)", text, re.MULTILINE)
    assert all("." not in name.split("/")[0] for name in defaults if "/" in name)
    last = text[text.rindex("FROM ") :]
    assert re.search(rf"^USER {USER}$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last and "org.opencontainers.image.version" in last
    assert "deploy/images/build-env.sh" in text, "packages come from the lock file"


@pytest.mark.skipif(not (TOOLS / "hadolint").exists(), reason="no hadolint; run `make test-images`")
@pytest.mark.parametrize("file", [*FILES, *STAND_INS], ids=lambda path: path.stem)
def test_hadolint_has_nothing_to_say(file):
    done = subprocess.run(
        [TOOLS / "hadolint", "-c", IMAGES / "hadolint.yaml", file], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


real = built_by("test-images")


@pytest.fixture(scope="module")
def images():
    """Tags of the built images, by name."""
    tags = {name: f"localhost/patent-spark/{name}:test" for name in ("etl", "serve")}
    for name, tag in tags.items():
        seconds = build(IMAGES / f"{name}.Containerfile", tag)
        size = json.loads(call("podman", "image", "inspect", tag).stdout)[0]["Size"]
        print(f"{name}: {seconds:.0f} s, {size / 1e6:,.0f} MB")
    return tags


def inside(image, *words, mounts=(), options=()):
    """Run a command in a container that is then gone, as the image's user."""
    volumes = [part for mount in mounts for part in ("-v", mount)]
    how = ["--rm", "--network", "host", "--read-only", "--tmpfs", "/tmp"]
    return call("podman", "run", *how, *options, *volumes, image, *words, seconds=600)


@real
@pytest.mark.parametrize("name", ["etl", "serve"])
def test_a_container_has_no_root_and_no_training(images, name):
    assert inside(images[name], "-u", options=["--entrypoint", "id"]).stdout.strip() == str(USER)
    about = json.loads(call("podman", "image", "inspect", images[name]).stdout)[0]
    assert about["User"] == str(USER)
    assert about["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert about["HealthCheck"]["Test"]
    code = (
        "import importlib.util as u; print([n for n in ('tensorflow', 'pytest', 'torch') if u.find_spec(n)])"
    )
    assert inside(images[name], "-c", code, options=["--entrypoint", "python"]).stdout.strip() == "[]"


@real
@pytest.mark.parametrize("engine", ["sail", "spark"])
def test_the_label_stage_in_a_container_makes_the_tables_of_this_machine(images, tmp_path, engine):
    for stage in ("simulate", "ingest"):
        done = patent_spark(stage, root=tmp_path / "here", sets=["simulate.patents=1000"])
        assert done.returncode == 0, done.stderr
    call("cp", "-a", tmp_path / "here", tmp_path / "there")
    assert patent_spark("label", root=tmp_path / "here", sets=["simulate.patents=1000"]).returncode == 0
    call("chown", "-R", str(USER), tmp_path / "there")
    sets = set_options(
        [*SMALL, "simulate.patents=1000", "warehouse.root=/warehouse", f"engine.name={engine}"]
    )
    inside(
        images["etl"],
        *("label", "--config", "conf/demo.yaml", *sets),
        mounts=[f"{tmp_path / 'there'}:/warehouse"],
    )
    here, there = (Store(tmp_path / name) for name in ("here", "there"))
    assert there.manifest("label").engine == engine
    for table in ("COUNTS", "LABELS"):
        assert table_digest(there.directory(table)) == table_digest(here.directory(table))


@real
def test_a_prediction_in_a_container_is_that_of_this_machine(images, tmp_path):
    package = small_package(tmp_path / "package").folder
    words = ["--title", "Wireless network", "--abstract", "A network of antennas", "--json"]
    here = patent_spark("predict", "--model", str(package), *words, root=tmp_path / "here")
    assert here.returncode == 0, here.stderr
    call("chmod", "-R", "a+rX", tmp_path)
    there = inside(
        images["serve"],
        *("predict", "--model", str(package), *words, "--set", "warehouse.root=/tmp/warehouse"),
        mounts=[f"{package}:{package}:ro"],
    )
    assert json.loads(there.stdout) == json.loads(here.stdout)
