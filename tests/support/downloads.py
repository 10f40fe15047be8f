"""`patent-spark download` against a server on loopback: its settings, its outcome, what it leaves."""

import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from random import Random

from patent_spark.config import load_config
from patent_spark.sources.choose import fetch_wanted
from tests.support.release_server import ReleaseServer, release_files
from tests.support.releases import write_release

KEY = "secret-key-0815"
RELEASE = "PVGPATDIS-2025-09-30-r20260410"
BIG = "g_us_patent_citation.tsv.zip"
"""The file of the release that `padded` makes large."""

TABLES = {
    "g_patent": [
        {
            "patent_id": number,
            "patent_type": "utility",
            "patent_date": date,
            "patent_title": "A",
            "withdrawn": 0,
        }
        for number, date in (("3930271", "1976-01-06"), ("3930272", "1977-01-04"))
    ],
    "g_patent_abstract": [{"patent_id": "3930271", "patent_abstract": "One."}],
    "g_us_patent_citation": [{"patent_id": "3930272", "citation_patent_id": "3930271"}],
    "g_cpc_current": [
        {"patent_id": "3930271", "cpc_sequence": 0, "cpc_class": "A01", "cpc_subclass": "A01B"},
    ],
    "g_us_rel_doc": [{"patent_id": "3930272", "related_doc_number": "3930271"}],
}


def small_release(folder: Path) -> dict[str, bytes]:
    """The zip files of a release of two patents, by name."""
    return release_files(write_release(folder, TABLES))


def zip_of(size: int, seed: int = 0) -> bytes:
    """A zip of about so many bytes that cannot be compressed."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("g.tsv", Random(seed).randbytes(size))
    return content.getvalue()


@dataclass
class Downloads:
    """Downloads of one source below a folder."""

    server: ReleaseServer
    folder: Path
    kind: str = "odp"

    def sets(self, *sets: str) -> list[str]:
        """Settings for a download from the server."""
        return [
            f"source.kind={self.kind}",
            f"source.url={self.server.zenodo if self.kind == 'zenodo' else self.server.odp}",
            f"source.downloads={self.folder / 'downloads'}",
            f"warehouse.root={self.folder / 'warehouse'}",
            *sets,
        ]

    def options(self, *sets: str) -> list[str]:
        """The same for the command line."""
        return [part for each in self.sets(*sets) for part in ("--set", each)]

    def fetch(self, *sets: str) -> Path:
        """Download the newest release; returns its folder."""
        config, _ = load_config(sets=self.sets(*sets))
        return fetch_wanted(config)

    @property
    def release(self) -> Path:
        """The folder of the release."""
        return self.folder / "downloads" / ("zenodo-15058362" if self.kind == "zenodo" else RELEASE)

    def names(self) -> set[str]:
        """What is in the folder of the release."""
        return {path.name for path in self.release.iterdir()} if self.release.exists() else set()

    def ledger(self) -> list[str]:
        """The lines of the ledger."""
        path = self.folder / "downloads" / "odp-requests.jsonl"
        return path.read_text().splitlines() if path.exists() else []
