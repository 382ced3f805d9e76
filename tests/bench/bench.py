#!/usr/bin/env python3
"""How fast the program and the store are, each beside a yardstick in the same run: medians, ratios,
goals.

  bench.py PROGRAM MKREPO STORE LIMIT [--runs N] [--scale F] [--json FILE]

Makes its repositories in BENCH_DIR (by default a temporary folder below TMPDIR) and removes them;
it needs 20 GiB there. A command and its yardstick take turns, so a disturbance hits both. Nothing
fails here for being slow: the machines are noisy. doc/performance.md explains the figures."""
import argparse
import glob
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

import borg_rows
import scale
from measure import PROBLEMS, data_files, in_turn, peak_memory, row, show, timed

LARGE, SMALL = (32768, 65536), (1000000, 500)     # objects, bytes of payload
MANY = (10000000, 100)


# ---- repositories ----

def make_repository(mkrepo, folder, objects, size):
    repo = os.path.join(folder, '%d-%d' % (objects, size))
    if not os.path.exists(repo):
        subprocess.run([mkrepo, repo, str(objects), str(size)], check=True)
        subprocess.run(['sync', '-f', repo], check=True)
    return repo


def drop_cache(repo):
    """Drop the page cache, as far as permissions allow."""
    for path in data_files(repo) + glob.glob(os.path.join(repo, 'index.*')):
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


# ---- reading ----

def check_rows(args, folder, name, shape, goal):
    repo = make_repository(args.mkrepo, folder, *shape)
    check = [args.program, 'check', '--no-lock']
    files = data_files(repo)
    total = sum(map(os.path.getsize, files))
    seconds = in_turn(args.runs, cat=['cat', *files], check=[*check, repo],
                      alone=[*check, '-j1', repo])
    rate = '%.1f GB/s' % (total / seconds['check'] / 1e9)
    return [row('check, ' + name, 'cat of the data', seconds['check'], seconds['cat'], goal,
                note=rate),
            row('check -j1', 'cat of the data', seconds['alone'], seconds['cat'])]


def cold_row(args, folder):
    repo = make_repository(args.mkrepo, folder, *args.large)
    seconds = in_turn(max(1, args.runs // 2), before=lambda: drop_cache(repo), warm=False,
                      cat=['cat', *data_files(repo)],
                      check=[args.program, 'check', '--no-lock', repo])
    return row('check, out of the cache', 'cat likewise', seconds['check'], seconds['cat'], 1.05)


def incremental_row(args, folder):
    repo = make_repository(args.mkrepo, folder, *args.large)
    for path in data_files(repo):
        os.utime(path, (1400000000, 1400000000))
    check = [args.program, 'check', '--no-lock']
    seconds = in_turn(args.runs, whole=[*check, repo], again=[*check, '--incremental', repo])
    return row('check --incremental, nothing new', 'check', seconds['again'], seconds['whole'])


def unindexed_row(args, folder):
    """What the index would have said is found out from the log."""
    repo = make_repository(args.mkrepo, folder, *args.small)
    bare = os.path.join(folder, 'bare')
    shutil.copytree(repo, bare)
    for path in glob.glob(os.path.join(bare, 'index.*')) + glob.glob(os.path.join(bare, 'hints.*')):
        os.remove(path)
    check = [args.program, 'check', '--no-lock']
    seconds = in_turn(args.runs, whole=[*check, repo],
                      bare=lambda: timed([*check, bare], PROBLEMS))
    return row('check, index and hints removed', 'check', seconds['bare'], seconds['whole'], 1)


def recover_rows(args, folder):
    repo = make_repository(args.mkrepo, folder, *args.small)
    check = [args.program, 'check', '--no-lock', repo]

    def recover():
        for name in ('index.*', 'hints.*'):
            for path in glob.glob(os.path.join(repo, name)):
                os.remove(path)
        seconds = timed([args.program, 'recover', '--full', '--yes', repo])
        shutil.rmtree(os.path.join(repo, 'undo'), ignore_errors=True)
        return seconds

    seconds = in_turn(args.runs, check=check, recover=recover,
                      limit=[args.limit, repo, str(args.small[0])])
    return [row('recover --full, verified before and after', 'check', seconds['recover'],
                seconds['check'], 1.3),
            row('recover --full', 'the loop that does only that', seconds['recover'],
                seconds['limit'], 1.2)]


def memory_row(args, folder):
    repo = make_repository(args.mkrepo, folder, *args.many)
    index, = glob.glob(os.path.join(repo, 'index.*'))
    peak = peak_memory([args.program, 'check', '--no-lock', repo])
    if peak is None:
        return []
    return [row('peak memory of check, %s objects' % format(args.many[0], ','),
                'size of the index file', peak / 1024, os.path.getsize(index) / 2**20, 1.5, 'M')]


def growth_rows(args, folder):
    """How many times longer ten times the objects take."""
    rows = []
    for name, (objects, size) in (('64 KiB', args.large), ('500 bytes', args.small)):
        repos = {key: make_repository(args.mkrepo, folder, count, size)
                 for key, count in (('one', objects // 10), ('ten', objects))}
        seconds = in_turn(args.runs, **{key: [args.program, 'check', '--no-lock', repo]
                                        for key, repo in repos.items()})
        rows.append(row('check, ten times the objects of ' + name, 'the tenth of it',
                        seconds['ten'], seconds['one'], 11))
    return rows


# ---- writing ----

def copied(repo, folder):
    """Seconds of cp -r and sync of a repository, and of removing the copy."""
    copy = os.path.join(folder, 'copy')
    begun = time.monotonic()
    subprocess.run(['cp', '-r', repo, copy], check=True)
    subprocess.run(['sync', '-f', copy], check=True)
    synced = time.monotonic()
    shutil.rmtree(copy)
    return synced - begun, time.monotonic() - synced


def store_round(store, folder, objects, size, commits):
    """The life of one repository; returns a dictionary of figures."""
    repo = os.path.join(folder, 'store')

    def run(what, *args):
        out = subprocess.run([store, what, repo, *map(str, args)], check=True,
                             stdout=subprocess.PIPE).stdout
        return json.loads(out)

    filled = run('fill', objects, size)
    index = max(os.path.getsize(f) for f in glob.glob(os.path.join(repo, 'index.*')))
    copying, removing = copied(repo, folder)
    figures = {
        'put': filled['seconds'],
        'put yardstick': copying,
        'peak': filled['peak_kib'] / 1024,
        'index': index / 2**20,
        'commit': run('steps', commits, size)['seconds'] / commits,
        'recover': run('recover')['seconds'],
    }
    run('thin')
    compacted = run('compact')
    figures['compact'] = compacted['seconds']
    figures['bytes copied'] = compacted['bytes_copied']
    figures['compact yardstick'] = copied(repo, folder)[0]
    figures['compact limit'] = figures['compact yardstick'] + removing
    shutil.rmtree(repo)
    return figures


def store_rows(args, folder, name, objects, size, goal):
    rounds = [store_round(args.store, folder, objects, size, 20)
              for _ in range(max(1, args.runs // 2))]
    f = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
    return [
        row('store: put and commit, ' + name, 'cp + sync of it', f['put'], f['put yardstick'],
            note='%.0f puts/s, %.1f commits/s of one put' % (objects / f['put'], 1 / f['commit'])),
        row('store: recover from the log', 'cp + sync of it', f['recover'], f['put yardstick']),
        row('store: compact, half of it live', 'cp + sync of the live half', f['compact'],
            f['compact yardstick'], goal,
            note='%.0f MB/s' % (f['bytes copied'] / f['compact'] / 1e6)),
        row('store: compact', '... and rm of the whole', f['compact'], f['compact limit'],
            goal and 1.2),
        row('store: peak memory', 'size of the index file', f['peak'], f['index'], unit='M',
            note='%.0f MiB a million objects' % (f['peak'] * 1e6 / objects)),
    ]


def measure(args, folder):
    rows = show('Reading',
                check_rows(args, folder, '%d objects of 64 KiB' % args.large[0], args.large, 0.6) +
                check_rows(args, folder, '%d objects of 500 bytes' % args.small[0], args.small,
                           2.5) +
                [cold_row(args, folder), incremental_row(args, folder),
                 unindexed_row(args, folder)])
    rows += borg_rows.measure(args, folder)
    rows += show('Growth', growth_rows(args, folder))
    rows += show('Memory', memory_row(args, folder))
    rows += show('Repairing', recover_rows(args, folder))
    half = args.large[0] // 2
    rows += show('Writing',
                 store_rows(args, folder, '%d of 64 KiB' % half, half, args.large[1], 1.5) +
                 store_rows(args, folder, '%d of 500 bytes' % (args.small[0] // 2),
                            args.small[0] // 2, args.small[1], None))
    return rows + scale.measure(args, folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('program')
    parser.add_argument('mkrepo')
    parser.add_argument('store')
    parser.add_argument('limit')
    parser.add_argument('--runs', type=int, default=7)
    parser.add_argument('--scale', type=float, default=1, help='fraction of the objects to make')
    parser.add_argument('--json', help='write the figures to this file')
    args = parser.parse_args()
    for name, (objects, size) in (('large', LARGE), ('small', SMALL), ('many', MANY)):
        setattr(args, name, (int(objects * args.scale), size))
    folder = tempfile.mkdtemp(prefix='atticscope-bench-', dir=os.environ.get('BENCH_DIR'))
    os.environ['XDG_CACHE_HOME'] = os.path.join(folder, 'cache')
    try:
        rows = measure(args, folder)
    finally:
        shutil.rmtree(folder)
    missed = [r['work'] for r in rows if r['goal'] is not None and r['ratio'] > r['goal']]
    print('\n%s'
          % ('beyond the goal (!): ' + '; '.join(missed) if missed else 'every goal was met'))
    if args.json:
        with open(args.json, 'w') as f:
            json.dump(rows, f, indent=1)


if __name__ == '__main__':
    main()
