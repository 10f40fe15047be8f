"""The sections of the configuration, by what they are about: a frozen dataclass each.

A setting is a field with type, default and one line of help. `settings.py` has the Config of all sections.
May import: the types of settings.
"""
