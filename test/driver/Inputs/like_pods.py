"""Starts a program as Kubeflow's training operator starts the pods of a PyTorchJob: RANK and WORLD_SIZE number pods.

  like_pods.py PODS PROGRAM ARGUMENTS...
"""
import os
import socket
import subprocess
import sys

pods = int(sys.argv[1])
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
processes = []
for pod in range(pods):
    environment = dict(os.environ, RANK=str(pod), WORLD_SIZE=str(pods), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        environment.pop(name, None)
    processes.append(subprocess.Popen(sys.argv[2:], env=environment))
sys.exit(max(process.wait() for process in processes))
