"""Simulated releases, read with pandas and the csv module alone."""

import io
import json
import zipfile

import pandas as pd

from patent_spark.config import Simulate
from patent_spark.stages.simulate.generator import ReleaseGenerator


def make(folder, chunk=8192, **settings):
    """Make a release in a new folder; returns the content of its release.json."""
    folder.mkdir()
    ReleaseGenerator(folder, Simulate(**settings), chunk).generate()
    return json.loads((folder / "release.json").read_text())


def raw(folder, name):
    """The bytes of a zipped TSV file."""
    with zipfile.ZipFile(folder / f"{name}.tsv.zip") as archive:
        assert archive.namelist() == [f"{name}.tsv"]
        return archive.read(f"{name}.tsv")


def frame(folder, name):
    """A zipped TSV file as text columns."""
    return pd.read_csv(io.BytesIO(raw(folder, name)), sep="\t", dtype=str, keep_default_na=False)


class Release:
    """The tables of a release."""

    def __init__(self, folder, about):
        self.folder, self.about = folder, about
        self.patents = frame(folder, "g_patent")
        self.patents["date"] = pd.to_datetime(self.patents["patent_date"])
        self.patents["year"] = self.patents["date"].dt.year
        self.truth = pd.read_parquet(folder / "truth.parquet")
        self.citations = frame(folder, "g_us_patent_citation")
        self.cpc = frame(folder, "g_cpc_current")
        self.abstracts = frame(folder, "g_patent_abstract")
