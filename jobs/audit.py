"""Stage audit under spark-submit; options as in `patent-spark audit --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["audit", *sys.argv[1:]]))
