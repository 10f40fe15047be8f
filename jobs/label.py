"""spark-submit jobs/label.py --config conf/default.yaml [--set section.setting=value ...]: see `patent-spark label --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["label", *sys.argv[1:]]))
