"""A refresh under spark-submit; options as in `patent-spark refresh --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["refresh", *sys.argv[1:]]))
