"""Files of reference captions, in the formats of the field's data sets, as people save and convert them.

`read_references` refuses what is not plainly right, in one line that names the file, the row and what to do.
"""

from datamodules.annotations.reference_image import ReferenceImage
from datamodules.annotations.references import References, read_references

__all__ = ["ReferenceImage", "References", "read_references"]
