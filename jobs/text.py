"""Stage text under spark-submit; options as in `patent-spark text --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["text", *sys.argv[1:]]))
