"""Stage shard under spark-submit; options as in `patent-spark shard --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["shard", *sys.argv[1:]]))
