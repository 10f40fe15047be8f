"""refresh.html: what became of the last refresh, for a person on call."""

from __future__ import annotations

from patent_spark.core.storage import ControlFiles
from patent_spark.refresh.messages import gate_message
from patent_spark.refresh.report_schema import RefreshStatus
from patent_spark.refresh.status import FOLDER, read_history
from patent_spark.reporting.html import render_page

PAGE = "refresh.html"
HEADLINES = {
    "running": "The refresh is running, or was killed",
    "promoted": "The new release is published",
    "partly_promoted": "The new release is published, but not every new model",
    "refused": "A gate refused the new release",
    "failed": "The refresh failed",
}
"""What a verdict means."""
NEXT_STEPS = {
    "running": "The next call goes on where it was.",
    "promoted": "Nothing to do. The next call looks for a newer release.",
    "partly_promoted": (
        "The model that was refused keeps its champion. Look at its report and audit; the next call does "
        "nothing until there is a newer release, --force, or --accept GATE=reason."
    ),
    "refused": (
        "Readers and champions are as they were. Look at the gates below. The next call does nothing until "
        "there is a newer release, --force, or --accept GATE=reason."
    ),
    "failed": "Readers and champions are as they were. Mend the cause; the next call goes on where it was.",
}
"""What to do after a verdict."""


def write_page(files: ControlFiles, status: RefreshStatus) -> None:
    """Write the page of a warehouse's refreshes beside the status file."""
    page = render_page(
        "patent_spark.refresh",
        PAGE,
        status=status,
        last=status.last,
        headlines=HEADLINES,
        next_steps=NEXT_STEPS,
        gate_message=gate_message,
        history=read_history(files, newest=20),
    )
    files.write(f"{FOLDER}/{PAGE}", page)
