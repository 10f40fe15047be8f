"""One package a stage, named like its command. Stages meet in tables and import none of one another.

One exception: train imports the feed and the layout of shard, which define the format of EXAMPLES.
"""
