"""Runs commands in turn, and prints for each the sums of what the kernel counted.

usage: measure.py ROUNDS ENVIRONMENT COMMAND...

ENVIRONMENT is a file with the variables, each ended by a zero byte. A command is one
argument, its words separated by the unit separator. Prints a line a command: wall and CPU
seconds of all rounds, of the process and those that it waited for.
"""

import os
import sys
import time

rounds, environment, *commands = sys.argv[1:]
with open(environment, "rb") as file:
    variables = dict(item.split(b"=", 1) for item in file.read().split(b"\0") if item)
commands = [command.split("\x1f") for command in commands]
sums = [[0.0, 0.0] for _ in commands]
for _ in range(int(rounds)):
    for command, total in zip(commands, sums):
        began = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            sink = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(sink, stream)
            os.execve(command[0], command, variables)
        _, status, used = os.wait4(pid, 0)
        total[0] += time.perf_counter() - began
        total[1] += used.ru_utime + used.ru_stime
        if status != 0:
            sys.exit(f"{command} ended with {status}")
for wall, cpu in sums:
    print(wall, cpu)
