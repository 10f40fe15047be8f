"""deploy/compose.yaml: its services, and all but the training on podman-compose (`make test-compose`).

Images of PostgreSQL and SeaweedFS are stand-ins, built from Debian and PyPI, so that no registry is asked.
"""

import contextlib
import json
import re
import secrets
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from patent_spark.config import load_config
from tests.support.cluster import free_port, wait_for
from tests.support.containers import IMAGES, ROOT, TOOLS, build, built_by, call, environment
from tests.support.served_registry import ServedRegistry
from tests.support.small_package import small_package
from tests.support.small_run import SMALL, set_options

FILE = ROOT / "deploy" / "compose.yaml"
STAND_INS = Path(__file__).parent / "stand_ins"
BUILT = {
    name: (folder / f"{name}.Containerfile", f"localhost/{group}/{name}:test")
    for folder, group, names in (
        (IMAGES, "patent-spark", ("etl", "serve", "mlflow")),
        (STAND_INS, "stand-in", ("postgres", "s3")),
    )
    for name in names
}
"""File and tag of each image, by name."""

SERVICES = {
    "postgres", "s3", "mlflow", "serve", "demo-etl", "demo-train",
    "spark-master", "spark-worker-1", "spark-worker-2",
}  # fmt: skip
SECRETS = ("POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "PATENT_SPARK_TOKEN")


def services():
    return yaml.safe_load(FILE.read_text())["services"]


def test_every_service_has_an_image_that_can_be_chosen():
    assert services().keys() == SERVICES
    for service in services().values():
        assert re.fullmatch(r"\$\{[A-Z0-9]+_IMAGE:-[a-z0-9/-]+:[\w.-]+\}", service["image"])


def test_ports_are_published_on_this_machine_only():
    published = [port for service in services().values() for port in service.get("ports", ())]
    assert len(published) == 3
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_secrets_must_be_set_and_none_is_in_the_file():
    text = FILE.read_text()
    for name in SECRETS:
        assert re.findall(rf"\$\{{{name}:?(.)", text) and f"${{{name}:-" not in text
        assert set(re.findall(rf"\${{{name}([^}}]*)}}", text)) == {f":?set {name}"}


def test_nothing_waits_for_a_health_check():
    """podman-compose would wait for ever: without systemd no check runs."""
    assert all(isinstance(service.get("depends_on", []), list) for service in services().values())


real = built_by("test-compose")


class Project:
    """The running services: addresses, secrets, and calls of podman-compose."""

    def __init__(self):
        self.secrets = {name: secrets.token_hex(12) for name in SECRETS}
        self.ports = {name: str(free_port()) for name in ("MLFLOW_PORT", "SPARK_UI_PORT", "SERVE_PORT")}
        self.name = f"patent-spark-test-{secrets.token_hex(3)}"
        ours = {
            f"{name.upper()}_IMAGE": f"localhost/patent-spark/{name}:test"
            for name in ("etl", "serve", "mlflow")
        }
        others = {f"{name.upper()}_IMAGE": f"localhost/stand-in/{name}:test" for name in ("postgres", "s3")}
        sizes = {"WORKER_CORES": "1", "WORKER_MEMORY": "2g"}
        self.variables = self.secrets | self.ports | ours | others | sizes

    def address(self, port):
        return f"http://127.0.0.1:{self.ports[port]}"

    def compose(self, *words, seconds=600):
        done = subprocess.run(
            [TOOLS / "podman-compose", "-f", FILE, "-p", self.name, *words],
            env=environment() | self.variables,
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=seconds,
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def container(self, service):
        return f"{self.name}_{service}_1"

    def healthy(self, service):
        """What the image's or the file's health check says. Nothing else runs it here."""
        return call("podman", "healthcheck", "run", self.container(service), check=False).returncode == 0


def answer(address, body=None, **headers):
    """Status and JSON of a request; 0 while nobody listens."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body and json.dumps(body).encode()
    request = urllib.request.Request(address, data, headers | {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            text = response.read()
            return response.status, json.loads(text) if text.startswith((b"{", b"[")) else text
    except urllib.error.HTTPError as error:
        return error.code, None
    except OSError:
        return 0, None


@pytest.fixture(scope="module")
def project():
    """Everything is up, without a champion. Containers, networks and volumes are gone at the end."""
    for file, tag in BUILT.values():
        build(file, tag)
    project = Project()
    try:
        project.compose("up", "-d")
        yield project
    finally:
        with contextlib.suppress(AssertionError):
            project.compose("down", "-v", "-t", "5")


EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=1"


@real
def test_mlflow_answers_its_clients_and_no_other_host(project):
    address = project.address("MLFLOW_PORT") + EXPERIMENTS
    wait_for(lambda: answer(address)[0] == 200, seconds=300, pause=1)
    assert answer(address, Host="mlflow:5000")[0] == 200
    assert answer(address, Host="elsewhere.example")[0] == 403
    assert project.healthy("mlflow") and project.healthy("postgres")


@real
def test_stages_run_on_both_workers(project):
    master = project.address("SPARK_UI_PORT") + "/json/"
    wait_for(lambda: len((answer(master)[1] or {}).get("workers", ())) == 2, seconds=120, pause=1)
    assert project.healthy("spark-master") and project.healthy("spark-worker-1")
    sets = set_options([*SMALL, "simulate.patents=500", "warehouse.root=/warehouse"])
    stages = ("simulate", "ingest", "label")
    command = ("stages", "spark://spark-master:7077", *stages, "--config", "conf/demo.yaml", *sets)
    project.compose("--profile", "demo", "run", "--rm", "--no-deps", "demo-etl", *command)
    (application,) = answer(master)[1]["completedapps"]
    assert (application["state"], application["cores"]) == ("FINISHED", 2)


@real
def test_the_service_follows_the_registry(project, tmp_path):
    mlflow, serve = project.address("MLFLOW_PORT"), project.address("SERVE_PORT")
    wait_for(lambda: answer(mlflow + EXPERIMENTS)[0] == 200, seconds=300, pause=1)
    assert answer(serve + "/ready")[0] == 0, "there is no champion yet"
    config = load_config([ROOT / "conf" / "demo.yaml"], sets=[f"tracking.uri={mlflow}"])[0]
    ServedRegistry(config, tmp_path).promote(small_package(tmp_path / "package").folder, 1)
    # Without systemd podman does not start an ended container again, as the policy in the file says.
    call("podman", "start", project.container("serve"))
    wait_for(lambda: answer(serve + "/ready")[0] == 200, seconds=240, pause=1)
    assert project.healthy("serve")
    text = {"title": "Wireless network", "abstract": "A network of antennas"}
    token = f"Bearer {project.secrets['PATENT_SPARK_TOKEN']}"
    assert answer(serve + "/v1/predict", text)[0] == 401
    status, said = answer(serve + "/v1/predict", text, Authorization=token)
    assert (status, said["predictions"][0]["technology"]["model"]["version"]) == (200, "1")
