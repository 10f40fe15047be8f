"""Stage train under spark-submit; options as in `patent-spark train --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
