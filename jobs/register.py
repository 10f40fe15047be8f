"""Stage register under spark-submit; options as in `patent-spark register --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["register", *sys.argv[1:]]))
