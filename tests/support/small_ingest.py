"""The ingest stage by the command line on a release that is written for one test."""

from patent_spark.cli import main
from patent_spark.core.store import Store
from tests.support.releases import write_release


def ingest_release(folder, tables, *sets, name="release", notes=None):
    """Exit code of `patent-spark ingest` on these tables, and the warehouse: both below `folder`."""
    release, root = write_release(folder / name, tables, notes), folder / "warehouse"
    settings = (f"source.path={release}", f"warehouse.root={root}", *sets)
    return main(["ingest", *(part for each in settings for part in ("--set", each))]), Store(root)
