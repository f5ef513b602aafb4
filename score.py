"""Score a file of captions against references; no model is needed.

python score.py RESULTS.json REFERENCES [--train-captions FILE] [--protocol a|b|both] [--out scores.json]
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from utils.command_line import CommandParser, run_command
from utils.home_folder import user_path
from utils.progress import elapsed_time
from utils.scripts import script_command
from utils.text_files import MAX_BYTES

PROTOCOLS = {"a": ("a",), "b": ("b",), "both": ("a", "b")}

MOST_OF_RESULT = 1_000_000  # bytes; what score.py writes is smaller, or bears its mark at the start


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    about = "Score a file of captions against references."
    parser = CommandParser(prog=script_command("score.py"), description=about)
    parser.add_argument(
        "results", type=user_path, help='captions as [{"image_id": …, "caption": …}], JSON Lines, or CSV'
    )
    parser.add_argument(
        "references", type=user_path, help="COCO annotations, Karpathy's splits, a Flickr8k token file, a folder, …"
    )
    parser.add_argument(
        "--out", type=user_path, default=Path("scores.json"), help="where to write the scores (scores.json)"
    )
    parser.add_argument("--protocol", choices=PROTOCOLS, default="both", help="of the diversity metrics (both)")
    parser.add_argument("--split", help="of Karpathy's splits; left out: the split of the results' images")
    parser.add_argument("--subset", action="store_true", help="score only the images that have results")
    parser.add_argument("--num", type=int, help="score the first NUM captions of each image; left out: all")
    parser.add_argument(
        "--keep-rejected", action="store_true", help="keep references that annotators rejected (VizWiz)"
    )
    parser.add_argument("--image-column", metavar="NAME", help="of references in a table; left out: image, …")
    parser.add_argument(
        "--caption-column", metavar="NAME", action="append", default=[], help="the same; may be given several times"
    )
    parser.add_argument("--split-column", metavar="NAME", help="the same of the split; left out: split")
    parser.add_argument("--human", action="store_true", help="score each reference against the others as well")
    parser.add_argument("--meteor", choices=("auto", "yes", "no"), default="auto", help="METEOR needs Java (auto)")
    parser.add_argument(
        "--train-captions",
        type=user_path,
        metavar="FILE",
        help="what a sentence must not be in to be novel, in a format of references",
    )
    parser.add_argument(
        "--document-frequencies",
        type=user_path,
        metavar="FILE",
        help="of CIDEr: saved ones, or captions to count in, in a format of references; left out: the references",
    )
    parser.add_argument("--save-document-frequencies", type=user_path, metavar="FILE", help="for a later evaluation")
    parser.add_argument("--max-megabytes", type=float, default=MAX_BYTES / 1e6, help="refuse larger files (500)")
    return parser.parse_args(arguments)


def check_outputs(options: argparse.Namespace) -> None:
    """Raise a `ValueError` unless what is written goes to a folder that exists and not over what is read."""
    read = (options.results, options.references, options.train_captions, options.document_frequencies)
    used = {path.resolve() for path in read if path is not None}
    for name, path in (("--out", options.out), ("--save-document-frequencies", options.save_document_frequencies)):
        if path is None:
            continue
        if path.is_dir() or not path.parent.is_dir():
            raise ValueError(f"{name} {path}: expected the name of a file in a folder that exists; change it")
        if path.resolve() in used:
            raise ValueError(f"{name} {path}: expected another file than those that are read or written; change it")
        used.add(path.resolve())
    check_replaced(options.out, "--out", '"settings": {')
    if options.save_document_frequencies is not None:
        check_replaced(options.save_document_frequencies, "--save-document-frequencies", '{"num_images"')


def check_replaced(path: Path, option: str, mark: str) -> None:
    """Say which earlier results are replaced; raise a `ValueError` where a file is none of score.py's, by its mark."""
    if not path.exists():
        return
    with path.open("rb") as file:
        written_here = mark.encode() in file.read(MOST_OF_RESULT)
    if not written_here:
        raise ValueError(f"{option} {path}: a file of this name is there, which score.py has not written; name another")
    print(f"note: {path} is there: its earlier contents are replaced", file=sys.stderr)


def run(options: argparse.Namespace) -> None:
    """Score what the command line names, write the scores and print them."""
    check_outputs(options)
    from evaluation.score_file.inputs import count_frequencies, read_inputs  # here: torch comes with them
    from evaluation.score_file.summary import print_scores, settings_of, write_scores
    from metrics.meteor import with_meteor_if_possible
    from metrics.scorer import human_captions, score_captions

    with elapsed_time("reading captions"):
        inputs = read_inputs(options)
    images = inputs.matched.images
    protocols = PROTOCOLS[options.protocol]
    choices: dict[str, Any] = {
        "protocols": protocols,
        "training_captions": inputs.training_captions,
        "frequencies": inputs.frequencies,
    }

    def compute(with_meteor: bool) -> tuple[dict[str, float], dict[str, float] | None]:
        scores = score_captions(images, **choices, with_meteor=with_meteor)
        return scores, human_captions(images, **choices, with_meteor=with_meteor) if options.human else None

    (scores, human), no_meteor = with_meteor_if_possible(
        compute, inputs.no_meteor, choice=options.meteor, option="--meteor "
    )
    if options.save_document_frequencies is not None:
        frequencies = inputs.frequencies or count_frequencies([image.references for image in images])
        frequencies.save(options.save_document_frequencies)
    settings = settings_of(inputs, protocols, no_meteor)
    write_scores(options.out, scores, human, settings)
    print_scores(scores, human, settings)
    print(f"scores: {options.out}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    run_command(parse_arguments, __name__, arguments)


if __name__ == "__main__":
    main()
