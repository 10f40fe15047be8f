"""spark-submit jobs/train.py --config conf/default.yaml [--set section.setting=value ...]: see `patent-spark train --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
