"""Kubernetes objects: rendered as kustomize does, and held to their schemas strictly."""

import os
import shutil
import subprocess
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from patent_spark.pipeline import STAGES

ROOT = Path(__file__).parents[2]
HERE = ROOT / "deploy" / "kubernetes"
VERSION = "1.33"
CRDS = {"SparkApplication": "sparkapplication.yaml", "MPIJob": "mpijob.yaml"}
JOBS = sorted(path.name for path in (HERE / "jobs").iterdir() if path.name != "base")
FOLDERS = [HERE, *(HERE / "jobs" / name for name in JOBS)]


def rendered(folder):
    """The objects of a kustomization: its resources, with patches that replace single values."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    objects = []
    for name in kustomization["resources"]:
        path = folder / name
        objects += rendered(path) if path.is_dir() else yaml.safe_load_all(path.read_text())
    for patch in kustomization.get("patches", ()):
        for each in objects:
            if each["kind"] == patch["target"]["kind"]:
                for change in yaml.safe_load(patch["patch"]):
                    replace(each, change)
    return objects


def replace(value, change):
    assert change["op"] == "replace"
    *parents, last = change["path"].strip("/").split("/")
    for name in parents:
        value = value[name]
    assert last in value, change["path"]
    value[last] = change["value"]


OBJECTS = [
    pytest.param(each, id=f"{folder.name}-{each['kind']}-{each['metadata']['name']}")
    for folder in FOLDERS
    for each in rendered(folder)
]


def strict(schema):
    """A schema that knows no other properties than those that it names."""
    if isinstance(schema, dict):
        if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            strict(value)
    elif isinstance(schema, list):
        for value in schema:
            strict(value)
    return schema


def crd_schema(kind, version):
    path = Path(os.environ.get("CRD_SCHEMAS", "")) / CRDS[kind]
    if not path.is_file():
        pytest.skip(f"the CRD of {kind} is not here; set CRD_SCHEMAS to the folder of {CRDS[kind]}")
    versions = yaml.safe_load(path.read_text())["spec"]["versions"]
    (schema,) = (each["schema"]["openAPIV3Schema"] for each in versions if each["name"] == version)
    # What every object has is described elsewhere.
    schema["properties"] |= {name: {} for name in ("apiVersion", "kind", "metadata")}
    return strict(schema)


@pytest.mark.parametrize("each", OBJECTS)
def test_every_object_fits_its_schema(each):
    if each["kind"] in CRDS:
        jsonschema.validate(each, crd_schema(each["kind"], each["apiVersion"].split("/")[1]))
    else:
        kubernetes_validate.validate(each, VERSION, strict=True)


def pods(each):
    """The specifications of the pods that an object makes."""
    if isinstance(each, dict):
        if "containers" in each:
            yield each
        for value in each.values():
            yield from pods(value)
    elif isinstance(each, list):
        for value in each:
            yield from pods(value)


@pytest.mark.parametrize("each", OBJECTS)
def test_pods_run_without_root_within_limits(each):
    for pod in pods(each):
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]


def test_no_secret_is_in_the_files():
    assert [each for each in OBJECTS if each.values[0]["kind"] == "Secret"] == []


def test_every_spark_stage_has_a_job():
    spark = {"ingest", "label", "quality", "split", "text", "shard"}
    assert spark < STAGES.keys()
    assert {*JOBS} == spark | {"score", "train"}
    for name in spark:
        (application,) = rendered(HERE / "jobs" / name)
        assert application["metadata"]["name"] == f"patent-spark-{name}"
        job = Path(application["spec"]["mainApplicationFile"]).name
        assert (ROOT / "jobs" / job).exists()


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_kustomize_renders_the_same_objects(folder):
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=True)
    names = {(each["kind"], each["metadata"]["name"]) for each in yaml.safe_load_all(done.stdout)}
    assert names >= {(each["kind"], each["metadata"]["name"]) for each in rendered(folder)}
