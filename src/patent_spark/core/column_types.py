"""Types of the tables' columns, under the names that pyspark has for them.

They stand for pyspark's own, so that the schemas can be read where pyspark is not imported: importing it is a
third of the time in which a command starts, and using a model does not need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import types


@dataclass(frozen=True)
class DataType:
    """A type; the name of its class is that of pyspark's."""

    def spark(self) -> types.DataType:
        """The same as pyspark has it."""
        from pyspark.sql import types

        kind: types.DataType = getattr(types, type(self).__name__)()
        return kind


class BinaryType(DataType):
    """Bytes."""


class BooleanType(DataType):
    """True or false."""


class DateType(DataType):
    """A day."""


class DoubleType(DataType):
    """64 bits."""


class FloatType(DataType):
    """32 bits."""


class IntegerType(DataType):
    """32 bits."""


class LongType(DataType):
    """64 bits."""


class StringType(DataType):
    """Text."""


@dataclass(frozen=True)
class ArrayType(DataType):
    """A list of values of a type."""

    element: DataType
    contains_null: bool = True

    def spark(self) -> types.DataType:
        """The same as pyspark has it."""
        from pyspark.sql import types

        return types.ArrayType(self.element.spark(), self.contains_null)
