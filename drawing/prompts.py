"""What the command line wants drawn."""

import argparse


def find_prompts(options: argparse.Namespace) -> list[str]:
    """Return the prompts of the command line, then those of the file, one a line; empty lines are left out.

    Raises:
        ValueError: There is none, or the file is no text.
    """
    prompts = [" ".join(prompt.split()) for prompt in options.prompts]
    if options.prompts_from is not None:
        try:
            lines = options.prompts_from.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"--prompts-from {options.prompts_from}: expected a text file in UTF-8, got others "
                f"({error.reason}); convert it"
            ) from error
        prompts += [" ".join(line.split()) for line in lines if line.strip()]
    if not prompts:
        where = "" if options.prompts_from is None else f" --prompts-from {options.prompts_from} holds none."
        raise ValueError(f'expected a prompt to draw, such as "a small red circle", got none;{where} see --help')
    return prompts
