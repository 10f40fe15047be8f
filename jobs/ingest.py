"""spark-submit jobs/ingest.py --config conf/default.yaml [--set section.setting=value ...]: see `patent-spark ingest --help`."""

import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["ingest", *sys.argv[1:]]))
