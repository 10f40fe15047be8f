"""Stage ingest under spark-submit; options as in `patent-spark ingest --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["ingest", *sys.argv[1:]]))
