"""spark-submit jobs/audit.py --config conf/default.yaml [--set section.setting=value ...]: see `patent-spark audit --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["audit", *sys.argv[1:]]))
