"""Prints the options that an error about a budget says would fit: what_fits.py FILE"""

import re
import sys

found = re.findall(r"^weft: hint: it fits with (.*): [0-9.]+ \w+ \(\d+ sets? of options tried\)$", open(sys.argv[1]).read(), re.M)
if len(found) != 1:
    sys.exit(f"{sys.argv[1]} has {len(found)} such hints")
print(found[0])
