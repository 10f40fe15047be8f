"""Starting, watching and ending the ranks: local processes, Spark tasks, or an external launcher.

In: a training job. Out: an exit state per rank, with the diagnosis of a failure.
May import: the rest of train, core, config. Only its module horovod imports horovod.
"""
