"""spark-submit jobs/run.py --config conf/default.yaml [--set section.setting=value ...]: see `patent-spark run --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
