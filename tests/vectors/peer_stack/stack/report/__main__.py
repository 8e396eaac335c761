"""Prints a table."""

import idna
import rtree
import tabulate
from extras.deep.names import TITLE
from helpers import total

rows = [[TITLE, total(10_000)], ["rtree", rtree.index.Index().leaves()], ["idna", idna.__version__]]
print(tabulate.tabulate(rows))
