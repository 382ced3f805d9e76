#!/usr/bin/env python3
"""Every campaign to exhaustion, one after the other, and the figures of all.

torture.py COMMAND... runs each, a program, a script or a line like "make fuzz", with
ATTICSCOPE_TORTURE set, shows its output and its time, adds up the lines "figure: WHAT: COUNT" and
"figure: WHAT, OF: COUNT", and prints at the end what was tried and what failed. "make torture"
calls it. The exit status is 0 when nothing failed."""
import os
import re
import shlex
import subprocess
import sys
import time

SKIPPED = 77     # exit status
FIGURE = re.compile(r'(?:# )?figure: (.+): (\d+)$')


def command_of(line):
    return [sys.executable, line] if line.endswith('.py') else shlex.split(line)


def run(program, figures):
    """Its end in one word. Its figures are added to @figures; its output is shown as it comes."""
    env = dict(os.environ, ATTICSCOPE_TORTURE='1', CMOCKA_MESSAGE_OUTPUT='TAP')
    begun = time.monotonic()
    print('==== %s' % os.path.basename(program), flush=True)
    with subprocess.Popen(command_of(program), env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace') as child:
        for line in child.stdout:
            print('  ' + line, end='', flush=True)
            if found := FIGURE.match(line.strip()):
                figures[found[1]] = figures.get(found[1], 0) + int(found[2])
    end = {0: 'passed', SKIPPED: 'skipped'}.get(child.returncode, 'FAILED')
    print('  %s after %d s, status %d' % (end, time.monotonic() - begun, child.returncode),
          flush=True)
    return end


def main():
    figures = {}
    ends = {os.path.basename(program): run(program, figures) for program in sys.argv[1:]}
    print('\n==== What was tried')
    width = max(map(len, figures), default=0)
    for kind in dict.fromkeys(what.partition(', ')[0] for what in figures):
        rows = {what: count for what, count in figures.items() if what.partition(', ')[0] == kind}
        if len(rows) > 1:
            rows['%s in all' % kind] = sum(rows.values())
        for what, count in rows.items():
            print('%-*s %15s' % (width, what, format(count, ',')))
    print('\n==== What failed')
    print('\n'.join('%s %s' % (end, name) for name, end in ends.items() if end != 'passed') or
          'nothing')
    return 1 if 'FAILED' in ends.values() else 0


if __name__ == '__main__':
    sys.exit(main())
