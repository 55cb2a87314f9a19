"""Starts ranks with the environment that torchrun gives them: like_torchrun.py RANKS COMMAND...

Ends with the largest exit code. Debian's torchrun does not run with its Python; what a rank sees of it are these variables.
"""

import os
import socket
import subprocess
import sys

ranks = int(sys.argv[1])
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
processes = []
for rank in range(ranks):
    environment = dict(os.environ, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(ranks),
                       LOCAL_WORLD_SIZE=str(ranks), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port),
                       TORCHELASTIC_USE_AGENT_STORE="False")
    processes.append(subprocess.Popen(sys.argv[2:], env=environment))
sys.exit(max(process.wait() for process in processes))
