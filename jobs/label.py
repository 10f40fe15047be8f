"""Stage label under spark-submit; options as in `patent-spark label --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["label", *sys.argv[1:]]))
