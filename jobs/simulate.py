"""spark-submit jobs/simulate.py --config conf/default.yaml [--set section.setting=value ...]: see `patent-spark simulate --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["simulate", *sys.argv[1:]]))
