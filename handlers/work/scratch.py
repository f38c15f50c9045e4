"""Where what was read of a list is kept between its preview and its end."""

from pathlib import Path


def scratch_path(scratch_dir: Path, account: int, upload: int) -> Path:
    """The scratch file of an upload; whoever brings the upload to its end deletes it."""
    return scratch_dir / f"{account}-{upload}.scratch"
