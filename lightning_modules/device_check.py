"""Refuses a device that is not there before anything is loaded for it."""

import torch


def check_device(device: str, option: str) -> None:
    """Raise a `ValueError` that names the option unless something can be computed on the device."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{option}: expected one that is here, such as cpu or cuda ({reason})") from error
