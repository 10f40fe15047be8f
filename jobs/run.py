"""All stages under spark-submit; options as in `patent-spark run --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
