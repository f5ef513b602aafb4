"""Files of captions from anywhere: results to score, and the references to score them against.

`read_results` and `read_references` refuse what is not plainly right, in one line that names the file, the row and what
to do; `match` brings both together as `ImageCaptions` and reports what it left out.
"""

from metrics.caption_files.matching import Match, match
from metrics.caption_files.reference_image import ReferenceImage
from metrics.caption_files.references import References, parse_references, read_references
from metrics.caption_files.results import Result, Results, read_results
from metrics.caption_files.text_file import MAX_BYTES, SourceFile, read_text
from metrics.caption_files.training import training_captions, training_images

__all__ = [
    "MAX_BYTES",
    "Match",
    "ReferenceImage",
    "References",
    "Result",
    "Results",
    "SourceFile",
    "match",
    "parse_references",
    "read_references",
    "read_results",
    "read_text",
    "training_captions",
    "training_images",
]
