"""The command line: `patent-spark COMMAND --config FILE --set section.setting=value`. jobs/ call the same
`main`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from patent_spark.commands.parser import parser
from patent_spark.config import Config, ConfigError, PatentSparkError, load_config
from patent_spark.config.renamed import current_command
from patent_spark.core.errors import DataError, GateError, StoppedError, WorkError
from patent_spark.core.log_lines import (
    context_of,
    is_json_on_stderr,
    lines_on_stderr,
    log_context,
    new_run_id,
    with_fields,
)
from patent_spark.core.progress import log, log_to

DONE, INTERRUPTED = 0, 130
FAILED, MISUSED, BAD_DATA, REFUSED, STOPPED = (
    kind.exit_code for kind in (WorkError, ConfigError, DataError, GateError, StoppedError)
)
"""Exit codes: those of the error classes, 0 when the work is done, and 130 after an interrupt."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code.

    Errors are one or two lines on stderr; the log has the traceback.
    """
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    options = parser().parse_args([*map(current_command, words[:1]), *words[1:]])
    try:
        config, options.origin = load_config(options.config, options.set)
    except ConfigError as error:
        return _print_error(error.exit_code, str(error))
    with lines_on_stderr(config.logging.format), log_context(command=options.command, run_id=new_run_id()):
        return _handle(options, config)


def _handle(options: argparse.Namespace, config: Config) -> int:
    """Do the command; an error becomes an exit code and its line."""
    log_file = _log_file(config, options.command)
    try:
        if options.logged:
            return _handle_logged(options, config, log_file)
        return options.handler(options, config) or DONE
    except WorkError as error:
        message = f"{error}\n{_see(log_file)}" if options.logged else str(error)
        return _print_error(error.exit_code, message, error)
    except PatentSparkError as error:
        return _print_error(error.exit_code, str(error), error)
    except BrokenPipeError:  # the reader of our output went away, as in `patent-spark config | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return _print_error(INTERRUPTED, "interrupted; what was published before stays readable")
    except Exception as error:
        message = " ".join(str(error).split())[:400]
        where = log_file if options.logged else _keep_traceback(options.command)
        return _print_error(
            FAILED, f"{options.command} failed: {type(error).__name__}: {message}\n{_see(where)}", error
        )


def _handle_logged(options: argparse.Namespace, config: Config, log_file: Path) -> int:
    """Do the command, and keep in a file all that is logged meanwhile and the traceback of an error."""
    with ExitStack() as stack:
        try:
            stack.enter_context(log_to(log_file, config.logging.format))
        except OSError as error:
            setting = "warehouse.cache_dir" if config.warehouse.in_bucket else "warehouse.root"
            raise ConfigError(
                f"{setting} = {config.warehouse.folder} cannot be written: {error.strerror}; "
                "set it to a directory of yours that has room",
                setting=setting,
            ) from error
        try:
            return options.handler(options, config) or DONE
        except Exception:
            log.exception("%s failed", options.command)
            raise


def _keep_traceback(command: str) -> Path:
    """The traceback of the current exception in a file, for a command that keeps no log."""
    with tempfile.NamedTemporaryFile(
        "w", prefix=f"patent-spark-{command}-", suffix=".log", delete=False
    ) as file:
        file.write(traceback.format_exc())
    return Path(file.name)


def _log_file(config: Config, command: str) -> Path:
    return config.warehouse.folder / "logs" / f"{time.strftime('%Y%m%dT%H%M%S')}-{command}.log"


def _see(log_file: Path) -> str:
    return f"The traceback is in {log_file}"


def _print_error(code: int, message: str, error: BaseException | None = None) -> int:
    """The line of an error on stderr; returns its exit code."""
    if is_json_on_stderr():
        with log_context(**context_of(error)):
            log.error("%s", message, extra=with_fields({"exit_code": code}))
    else:
        print(f"patent-spark: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
