#!/usr/bin/env python3
"""Repositories of attic_writer in the form of Borg, and back.

Damage is done to a repository in Attic's form, and judged in it; on the disk it has Borg's. Between
the two a byte of a magic is another one, whatever damage has made of it. "borg-1.0" is what Borg
1.0 writes, with hints as Attic has them. "borg" is what Borg 1.2 writes: hints of version 2, and
integrity.T, whose digests are those before the damage; its histories have the habit 'lone', a
COMMIT in a segment of its own. Needs reference_reader_borg of SHARED for these digests."""
import re

from attic_writer import pack
from evidence_rules import numbers, read_hints
from reader import INDEX_MAGIC, MAGIC
from store_driver import SHARED  # noqa: F401 (puts the reference readers into the path)

try:
    import reference_reader_borg
except ImportError:
    reference_reader_borg = None

DIALECTS = ('attic', 'borg-1.0', 'borg')
# Where none is chosen.
TURNS = ('attic', 'borg' if reference_reader_borg else 'borg-1.0', 'attic', 'borg-1.0')
ATTIC_README = b'This is an Attic repository\n'
BORG_READMES = {'borg-1.0': b'This is a Borg repository\n',
                'borg': b'This is a Borg Backup repository.\n'
                        b'See https://borgbackup.readthedocs.io/\n'}


def habits(dialect):
    return {'lone'} if dialect == 'borg' else set()


def exchange(b, one, other):
    """Let the first bytes differ from @other as they differed from @one."""
    head = bytes(x ^ y ^ z for x, y, z in zip(b, one, other))
    return head + b[len(head):]


def exchange_magics(files):
    found = {}
    for path, b in files.items():
        if path.startswith('data/'):
            b = exchange(b, MAGIC, b'BORG_SEG')
        elif re.match(r'index\.', path):
            b = exchange(b, INDEX_MAGIC, b'BORG_IDX')
        found[path] = b
    return found


def new_hints(b, whole):
    """In version 2, or as they are where they cannot be read."""
    try:
        rows, compact = read_hints(b)
    except ValueError:
        return b
    sizes = {int(path.rpartition('/')[2]): len(image) for path, image in whole.items()
             if re.fullmatch(r'data/\d+/\d+', path)}
    # Borg lists each COMMIT of its own, up to the one that ends the transaction of these hints.
    last = max(rows, default=-1) + 1
    commits = {n for n, size in sizes.items() if size == 17 and n <= last}
    rows.update((n, 0) for n in commits)
    return pack({b'version': 2, b'segments': dict(sorted(rows.items())),
                 b'compact': {n: 9 if n in commits else sizes.get(n, 50)
                              for n in sorted(commits | set(compact))},
                 b'storage_quota_use': sum(sizes.values()), b'shadow_index': {}})


def old_hints(b):
    try:
        rows, compact = read_hints(b)
    except ValueError:
        return b
    return pack({b'version': 1, b'segments': rows, b'compact': sorted(compact)})


def with_new_hints(files, whole):
    return {path: new_hints(b, whole) if path.startswith('hints.') else b
            for path, b in files.items()}


def integrity_of(whole):
    """{integrity.T: bytes} of an undamaged repository in the form of Borg."""
    transaction = max(numbers(whole, 'index'), default=None)
    if transaction is None:
        return {}
    found = {b'version': 2}
    for kind in 'hints', 'index':
        name = '%s.%d' % (kind, transaction)
        digests = reference_reader_borg.digests(name, whole[name], kind == 'index')
        rows = ', '.join('"%s": "%s"' % row for row in digests.items())
        found[kind.encode()] = ('{"algorithm": "XXH64", "digests": {%s}}' % rows).encode()
    return {'integrity.%d' % transaction: reference_reader_borg.pack(found)}


def to_disk(files, whole, dialect):
    """@files in the form of @dialect. @whole is the repository before the damage."""
    if dialect == 'attic':
        return files
    found = exchange_magics(files)
    if found.get('README') == ATTIC_README:
        found['README'] = BORG_READMES[dialect]
    if dialect == 'borg':
        found = dict(integrity_of(with_new_hints(exchange_magics(whole), whole)),
                     **with_new_hints(found, whole))
    return found


def from_disk(files, dialect):
    """What was read, in Attic's form."""
    if dialect == 'attic':
        return files
    found = {path: b for path, b in exchange_magics(files).items()
             if not path.startswith('integrity.')}
    return {path: old_hints(b) if path.startswith('hints.') else b for path, b in found.items()}
