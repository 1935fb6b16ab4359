"""Sizes as people read them."""


def human_size(size: int) -> str:
    """`42.4 KiB`, in steps of 1024."""
    if size < 1024:
        return f"{size} B"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 1024 or unit == "TiB":
            return f"{value:.1f} {unit}"
    raise AssertionError("the loop ends with TiB")
