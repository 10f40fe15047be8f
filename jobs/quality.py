"""spark-submit jobs/quality.py --config conf/default.yaml [--set section.setting=value ...]: see `patent-spark quality --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["quality", *sys.argv[1:]]))
