"""Images that hold a deployment's code, made by a real engine and pushed to a real registry."""

import gc
import io
import shutil
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.docker_engine import DockerEngine

from headrace.deployments.images import DeploymentImage, DockerImage
from headrace.errors import ConfigurationError, ImageFailed, InfrastructureUnavailable
from headrace.settings import temporary_settings

SECRET_HASHED = (
    "$2b$05$lrbIM1/lJrvYeQ9nw6/.GuRgYHfuJR85OU3DkJK2v32OXGZ9T6G6u"  # "secret", by bcrypt
)

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def project(tmp_path: Path, docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of who deploys, with the engine in the environment."""
    for name, value in docker_engine.environment.items():
        monkeypatch.setenv(name, value)
    root = tmp_path / "my-project"
    root.mkdir()
    (root / "flow.py").write_text("print('here')")
    (root / "left-out").write_text("x")
    (root / ".dockerignore").write_text("left-out\n")
    monkeypatch.chdir(root)
    return root


def run(engine: DockerEngine, image: str, *command: str) -> str:
    """What a command says in a container of an image."""
    with closing(engine.client()) as client:
        made = client.create_container(image, list(command))["Id"]
        try:
            client.start(made)
            client.wait(made, timeout=60)
            return client.logs(made).decode()
        finally:
            client.remove_container(made, force=True)


def test_a_generated_image_has_the_code_where_runs_look(
    project: Path, docker_engine: DockerEngine, runs_image: str
):
    """The code is below the working directory, less what is ignored; progress is told."""
    told = io.StringIO()
    image = DockerImage("headrace-tests-code", "1", stream_progress_to=told, base=runs_image)
    assert image.build().startswith("sha256:")
    assert "Step 1" in told.getvalue()
    assert image.directory == "/opt/headrace/my-project"
    found = run(docker_engine, image.reference, "sh", "-c", "cat flow.py; cat left-out")
    assert "print('here')" in found
    assert "left-out: No such file" in found


def test_a_given_dockerfile_with_arguments_and_labels(
    project: Path, docker_engine: DockerEngine, base_image: str
):
    """The engine's own options are handed on."""
    (project / "Dockerfile").write_text(
        f"FROM {base_image}\nARG word\nRUN echo said-$word > /word\nCMD cat /word\n"
    )
    image = DockerImage(
        "headrace-tests-given:a",
        dockerfile="Dockerfile",
        stream_progress_to=None,
        buildargs={"word": "yes"},
        labels={"mine": "1"},
        platform="linux",
    )
    image.build()
    assert run(docker_engine, image.reference, "cat", "/word") == "said-yes\n"
    with closing(docker_engine.client()) as client:
        assert client.inspect_image(image.reference)["Config"]["Labels"]["mine"] == "1"


def test_a_build_that_fails_says_what_the_engine_said(project: Path, base_image: str):
    """And a Dockerfile that is not there is named before the engine is asked."""
    (project / "Dockerfile").write_text(f"FROM {base_image}\nRUN false\n")
    with pytest.raises(ImageFailed, match=r"could not be built.*non-zero code: 1"):
        DockerImage("headrace-tests-bad", dockerfile="Dockerfile", stream_progress_to=None).build()
    with pytest.raises(ImageFailed, match=r"could not be built.*no_such_option"):
        DockerImage(
            "headrace-tests-bad", dockerfile="Dockerfile", stream_progress_to=None, no_such_option=1
        ).build()
    with pytest.raises(ConfigurationError, match=r"no Dockerfile .*Gone"):
        DockerImage("headrace-tests-bad", dockerfile="Gone").build()


def test_an_engine_that_is_away_is_named(project: Path, monkeypatch: pytest.MonkeyPatch):
    """One line, not the library's own."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{project}/none.sock")
    with warnings.catch_warnings():
        # The SDK leaves the socket that found no engine to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(
            InfrastructureUnavailable, match=r"Docker engine at unix:.*does not answer"
        ):
            DockerImage("headrace-tests-away", stream_progress_to=None).build()
        gc.collect()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry with basic authentication, for `someone` with the password `secret`."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "htpasswd").write_text(f"someone:{SECRET_HASHED}\n")
    configuration = tmp_path / "registry.yml"
    configuration.write_text(
        "version: 0.1\nlog: {level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path}/registry}}}}\n"
        f"http: {{addr: {address}}}\n"
        f"auth: {{htpasswd: {{realm: tests, path: {tmp_path}/htpasswd}}}}\n"
    )
    with subprocess.Popen([program, "serve", str(configuration)], stderr=-3) as serving:
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(tuple(address.split(":")), 1).close()
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.05)
        yield address
        serving.kill()


def test_an_image_is_pushed_with_credentials(
    project: Path, docker_engine: DockerEngine, base_image: str, registry: str
):
    """Refused without them; the default namespace goes before a bare name."""
    (project / "Dockerfile").write_text(f"FROM {base_image}\nLABEL pushed=1\n")
    with temporary_settings(deployments_default_docker_build_namespace=f"{registry}/team"):
        bare = DockerImage("code", "1", dockerfile="Dockerfile", stream_progress_to=None)
        known = DockerImage(
            "code",
            "1",
            dockerfile="Dockerfile",
            stream_progress_to=None,
            credentials={"username": "someone", "password": "secret"},
        )
    assert bare.reference == f"{registry}/team/code:1"
    bare.build()
    with pytest.raises(ImageFailed, match="could not be pushed"):
        bare.push()
    known.push()
    with closing(docker_engine.client()) as client:
        client.remove_image(bare.reference)
        auth = {"username": "someone", "password": "secret"}
        client.pull(f"{registry}/team/code", "1", auth_config=auth)
        assert client.inspect_image(bare.reference)["Config"]["Labels"] == {"pushed": "1"}


@pytest.mark.parametrize(
    ("given", "reference"),
    [
        (("a:b",), "a:b"),
        (("a", "t"), "a:t"),
        (("ns/a", "t"), "ns/a:t"),
        (("host:5000/ns/a:1",), "host:5000/ns/a:1"),
    ],
)
def test_names_and_tags(given: tuple[str, ...], reference: str):
    """A registry's port is no tag; without a tag it is the moment."""
    assert DockerImage(*given).reference == reference
    assert DockerImage("a").tag.startswith("20")
    assert DeploymentImage is DockerImage


def test_two_tags_or_no_name_are_refused():
    """By the line that makes the image, not by the engine later."""
    with pytest.raises(ConfigurationError, match="one tag"):
        DockerImage("a:b", "c")
    with pytest.raises(ConfigurationError, match="no name"):
        DockerImage(":b")
