"""The commands: what each takes, and the handler that does it.

In: the words of the command line. Out: an exit code; results go to standard output. May import everything but
the command line itself (cli.py); heavy libraries only inside a handler.
"""
