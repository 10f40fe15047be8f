"""What a refresh would do, said before it is done."""

from __future__ import annotations

from patent_spark.config import Config
from patent_spark.core.store import open_store
from patent_spark.pipeline import outdated, planned
from patent_spark.refresh.gates import GATES
from patent_spark.refresh.release import find_release, is_here
from patent_spark.refresh.run import Options, is_new
from patent_spark.refresh.status import read_status


def plan(config: Config, options: Options) -> str:
    """The release, the stages that would run or be reused, and the gates that would be asked."""
    release, status = find_release(config), read_status(open_store(config.warehouse).control)
    lines = [f"release {release.id}"]
    if not (options.force or is_new(release, status, options.accepted)):
        return "\n".join([*lines, "nothing new: it was refreshed before"])
    here = is_here(config, release)
    redone = outdated(config, candidate=True) if here else [stage.name for stage in planned(config)]
    if not here:
        lines.append("would fetch  its files: see `patent-spark download --list`")
    reused = [stage.name for stage in planned(config) if stage.name not in redone]
    lines.append(f"would run    {', '.join(redone) or 'no stage'}, then register")
    lines.append(f"would reuse  {', '.join(reused) or 'no stage'}")
    lines.append(f"would ask    {', '.join(GATES)}")
    lines += [f"accepted     {gate}: {reason}" for gate, reason in options.accepted.items()]
    return "\n".join(lines)
