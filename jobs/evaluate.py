"""Stage evaluate under spark-submit; options as in `patent-spark evaluate --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
