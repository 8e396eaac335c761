"""What the report says."""

import humanize


def total(count):
    """The sum of the first numbers, for people."""
    return humanize.intcomma(sum(range(count)))
