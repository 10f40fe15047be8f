"""Small files that a reader sees whole: the old one or the new one."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path


def write_json(path: Path, value: object) -> None:
    """Write JSON so that a reader sees the old file or the whole new one."""
    write_text(path, json_text(value))


def json_text(value: object) -> str:
    """A JSON file's text."""
    return json.dumps(value, indent=1, default=str) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old file or the whole new one."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:6]}")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
