"""Stage simulate under spark-submit; options as in `patent-spark simulate --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["simulate", *sys.argv[1:]]))
