"""spark-submit jobs/text.py --config conf/default.yaml [--set section.setting=value ...]: see `patent-spark text --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["text", *sys.argv[1:]]))
