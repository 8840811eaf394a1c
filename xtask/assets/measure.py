"""Runs commands in turn, and prints for each the sums of what the kernel counted.

usage: measure.py ROUNDS ENVIRONMENT COMMAND...

ENVIRONMENT is a file with the variables, each ended by a zero byte. A command is one
argument, its words separated by the unit separator. Prints a line a command: medians of the
wall and CPU seconds of a round, of the process and those that it waited for.
"""

import os
import statistics
import sys
import time

rounds, environment, *commands = sys.argv[1:]
with open(environment, "rb") as file:
    variables = dict(item.split(b"=", 1) for item in file.read().split(b"\0") if item)
commands = [command.split("\x1f") for command in commands]
all_times = [([], []) for _ in commands]
for _ in range(int(rounds)):
    for command, times in zip(commands, all_times):
        began = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            sink = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(sink, stream)
            os.execve(command[0], command, variables)
        _, status, used = os.wait4(pid, 0)
        times[0].append(time.perf_counter() - began)
        times[1].append(used.ru_utime + used.ru_stime)
        if status != 0:
            sys.exit(f"{command} ended with {status}")
for wall, cpu in all_times:
    print(statistics.median(wall), statistics.median(cpu))
