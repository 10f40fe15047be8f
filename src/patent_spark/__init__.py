"""Technology class and citation level of US patents, from a data release to a judged model."""

__version__ = "0.1.0"
