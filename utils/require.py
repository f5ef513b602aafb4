"""What settings must be."""


def require(holds: bool, setting: str, expected: str, got: object) -> None:
    """Raise a `ValueError` that names the setting, what it must be and what it is, unless the condition holds."""
    if not holds:
        raise ValueError(f"{setting} must be {expected}, got {got}")
