"""Stage quality under spark-submit; options as in `patent-spark quality --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["quality", *sys.argv[1:]]))
