"""The commands of README.md and docs/tutorial.md, in their order, with a smaller network than the pages'."""

import shutil

import pytest

from tests.support.cluster import free_port
from tests.support.shell_blocks import Block, fenced_blocks, indented_commands, program
from tests.support.small_run import PROGRAM, ROOT, set_options

README, TUTORIAL = ROOT / "README.md", ROOT / "docs" / "tutorial.md"
SMALLER = ["model.units=12", "train.epochs=1", "text.epochs=2", "evaluate.resamples=50"]
PORT = "8123"
"""That of the service on the page."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The Makefile and the configurations, with an environment whose `patent-spark` has smaller settings."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copy(ROOT / "Makefile", folder)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    program(programs, "patent-spark", PROGRAM, after=tuple(set_options(SMALLER)))
    program(programs, "make", "/usr/bin/make", "-o", "setup")  # the environment is there
    return folder


def run(block, checkout):
    done = block.run(checkout, PATH=f"{checkout / '.venv' / 'bin'}:{PROGRAM.parent}:/usr/bin:/bin")
    assert done.returncode == block.code, f"{block.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def outputs(checkout):
    """What each block of the tutorial printed."""
    port = str(free_port())
    blocks = [Block(each.text.replace(PORT, port), each.code) for each in fenced_blocks(TUTORIAL)]
    return [run(block, checkout) for block in blocks]


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.skipif(not shutil.which("curl"), reason="the page calls curl")
def test_every_block_of_the_tutorial_ends_as_the_page_says(outputs):
    demo, registered, asked, served, refreshed, later = outputs
    assert "checks failed" in demo and "the first of its name" in registered
    assert "citation_level: rejected" in registered
    assert "H04" in asked and "known_words" in asked and '"predictions"' in served
    assert "is published" in refreshed and "nothing new" in refreshed and "is published" in later


def test_the_tutorial_has_the_blocks_that_are_run():
    codes = [block.code for block in fenced_blocks(TUTORIAL)]
    assert len(codes) == 6 and codes[1] == 4 and sum(codes) == 4


def test_the_readme_shows_targets_that_run_what_it_says(checkout):
    """`make demo` is run for real with the tutorial; `make test` would run this test."""
    assert indented_commands(README) == ["make demo", "make test"]
    assert fenced_blocks(TUTORIAL)[0].text.strip() == "make demo"
    printed = run(Block("make -n test"), checkout)
    for words in ('-m "not slow"', "--cov", "--engine spark"):
        assert words in printed, words
    assert "setup-env" not in printed
