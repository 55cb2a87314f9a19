"""Prints how many entries of a task's schedule have an op and a region: weft inspect --json EXE | count_ops.py TASK OP REGION"""

import json
import sys

schedule = json.load(sys.stdin)["schedule"]
print(sum([entry["task"], entry["op"], entry.get("region")] == sys.argv[1:4] for entry in schedule))
