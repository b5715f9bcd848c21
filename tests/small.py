"""The command line with samples as small as the tests want them: python -m tests.small ARGUMENTS..."""

from seqtasks.cli import main
from tests.samples import make_smaller

make_smaller()
main()
