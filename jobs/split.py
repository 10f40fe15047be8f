"""Stage split under spark-submit; options as in `patent-spark split --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["split", *sys.argv[1:]]))
