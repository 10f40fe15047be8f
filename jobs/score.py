"""Stage score under spark-submit; options as in `patent-spark score --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["score", *sys.argv[1:]]))
