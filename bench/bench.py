#!/usr/bin/env python3
"""How long check takes beside cat of the same files, and the store beside cp and sync of what it wrote, in
the same run: medians, ratios, peak memory.

bench.py PROGRAM MKREPO STORE [--runs N] [--scale F] [--json FILE]

Makes its repositories in BENCH_DIR (by default a temporary folder below TMPDIR) and removes them. The files are
read once before, so that both work from the page cache. The two commands run in turn: what disturbs the
machine disturbs both."""
import argparse
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORIES = (
    # name, objects, bytes of payload
    ('1 GiB of 64 KiB objects', 16384, 65536),
    ('500,000 objects of 500 bytes', 500000, 500),
)

GNU_TIME = shutil.which('time')


def timed(command):
    """Seconds of wall clock of one run."""
    before = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit('bench: %s: exit %d' % (' '.join(command[:3]), done.returncode))
    return time.monotonic() - before


def peak_memory(command):
    """Peak memory in KiB of one run, by GNU time; None where that is not installed. What wait4 tells a
    Python parent is the parent's own."""
    if not GNU_TIME:
        return None
    with tempfile.NamedTemporaryFile('r') as out:
        subprocess.run([GNU_TIME, '-o', out.name, '-f', '%M', *command], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)
        return int(out.read())


def in_turn(commands, runs):
    """Medians of every command, run A B C A B C ..."""
    seen = {name: [] for name in commands}
    for run in range(runs + 1):
        for name, command in commands.items():
            seconds = timed(command)
            if run > 0:     # the first round warms up
                seen[name].append(seconds)
    return {name: (statistics.median(seen[name]), peak_memory(command))
            for name, command in commands.items()}


def bench(program, mkrepo, folder, name, objects, size, runs):
    repo = os.path.join(folder, '%d-%d' % (objects, size))
    subprocess.run([mkrepo, repo, str(objects), str(size)], check=True)
    files = sorted(glob.glob(os.path.join(repo, 'data', '*', '*')))
    total = sum(os.path.getsize(f) for f in files)
    figures = in_turn({
        'cat': ['cat', *files],
        'check': [program, 'check', '--no-lock', repo],
        'check -j1': [program, 'check', '--no-lock', '-j1', repo],
    }, runs)
    shutil.rmtree(repo)
    cat = figures['cat'][0]
    print('%s, %.0f MiB in %d segments' % (name, total / 2**20, len(files)))
    print('  %-10s %9s %9s %9s %12s' % ('', 'seconds', 'GB/s', 'to cat', 'peak memory'))
    rows = []
    for command, (seconds, memory) in figures.items():
        print('  %-10s %9.3f %9.2f %9.2f %12s' % (
            command, seconds, total / seconds / 1e9, seconds / cat,
            '-' if memory is None else '%.1f MiB' % (memory / 1024)))
        rows.append({'repository': name, 'command': command, 'seconds': seconds,
                     'bytes': total, 'ratio_to_cat': seconds / cat, 'peak_kib': memory})
    return rows


def copied(repo, folder):
    """Seconds of cp -r and sync of a repository."""
    copy = os.path.join(folder, 'copy')
    before = time.monotonic()
    subprocess.run(['cp', '-r', repo, copy], check=True)
    subprocess.run(['sync', '-f', copy], check=True)
    seconds = time.monotonic() - before
    shutil.rmtree(copy)
    return seconds


def store_round(store, folder, objects, size, commits):
    """One life of a repository. A dictionary of figures."""
    repo = os.path.join(folder, 'store')

    def run(what, *args):
        out = subprocess.run([store, what, repo, *map(str, args)], check=True, stdout=subprocess.PIPE).stdout
        return json.loads(out)

    filled = run('fill', objects, size)
    index = max(os.path.getsize(f) for f in glob.glob(os.path.join(repo, 'index.*')))
    figures = {
        'put and commit': filled['seconds'],
        'cp + sync of it': copied(repo, folder),
        'peak memory / index': filled['peak_kib'] * 1024 / index,
        'commit of one put': run('steps', commits, size)['seconds'] / commits,
        'recover from the log': run('recover')['seconds'],
        'delete every second': run('thin')['seconds'],
    }
    compacted = run('compact')
    figures['compact'] = compacted['seconds']
    figures['bytes copied'] = compacted['bytes_copied']
    figures['cp + sync of the rest'] = copied(repo, folder)
    shutil.rmtree(repo)
    return figures


def bench_store(store, folder, name, objects, size, runs):
    rounds = [store_round(store, folder, objects, size, 20) for _ in range(runs)]
    figures = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
    write, rest = figures['cp + sync of it'], figures['cp + sync of the rest']
    print('%s, the store' % name)
    print('  %-24s %9s %26s' % ('', 'seconds', 'to cp + sync'))
    rows = []
    for what, yardstick, rate in (
            ('put and commit', write, '%.0f puts/s' % (objects / figures['put and commit'])),
            ('cp + sync of it', write, ''),
            ('commit of one put', None, '%.1f commits/s' % (1 / figures['commit of one put'])),
            ('recover from the log', write, ''),
            ('delete every second', None, '%.0f deletes/s' % (objects / 2 / figures['delete every second'])),
            ('compact', rest, '%.0f MB/s copied' % (figures['bytes copied'] / figures['compact'] / 1e6)),
            ('cp + sync of the rest', rest, '')):
        seconds = figures[what]
        ratio = seconds / yardstick if yardstick else None
        print('  %-24s %9.3f %9s   %s' % (what, seconds, '%.2f' % ratio if ratio else '', rate))
        rows.append({'repository': name, 'command': what, 'seconds': seconds, 'ratio_to_cp': ratio})
    ratio = figures['peak memory / index']
    print('  peak memory of putting is %.2f of the size of the index' % ratio)
    rows.append({'repository': name, 'command': 'peak memory / index', 'ratio': ratio})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('program')
    parser.add_argument('mkrepo')
    parser.add_argument('store')
    parser.add_argument('--runs', type=int, default=7)
    parser.add_argument('--scale', type=float, default=1, help='part of the objects to make')
    parser.add_argument('--json', help='write the figures to this file')
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix='atticscope-bench-', dir=os.environ.get('BENCH_DIR'))
    rows = []
    try:
        for name, objects, size in REPOSITORIES:
            rows += bench(args.program, args.mkrepo, folder, name, int(objects * args.scale), size,
                          args.runs)
            rows += bench_store(args.store, folder, name, int(objects * args.scale), size,
                                max(1, args.runs // 2))
    finally:
        shutil.rmtree(folder)
    if args.json:
        with open(args.json, 'w') as f:
            json.dump(rows, f, indent=1)


if __name__ == '__main__':
    main()
