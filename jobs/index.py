"""Stage index under spark-submit; options as in `patent-spark index --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["index", *sys.argv[1:]]))
