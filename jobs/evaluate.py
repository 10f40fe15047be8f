"""spark-submit jobs/evaluate.py --config conf/default.yaml [--set section.setting=value ...]: see `patent-spark evaluate --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
