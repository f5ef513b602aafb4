"""What `score.py` does: results are read, matched with references, scored, and summed up.

`read_results` refuses what is not plainly right, in one line that names the file, the row and what to do; `match`
brings results and references together as `ImageCaptions` and reports what it left out.
"""

from evaluation.score_file.matching import Match, match
from evaluation.score_file.results import Result, Results, read_results
from evaluation.score_file.training_captions import training_captions, training_images

__all__ = ["Match", "Result", "Results", "match", "read_results", "training_captions", "training_images"]
