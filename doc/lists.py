#!/usr/bin/env python3
"""lists.py PROGRAM PAGE - write the lists that the program's tables state into the manual page.

They come from "PROGRAM problems --json" and "PROGRAM keys --json". Each list replaces what stands
between its two marker comments in PAGE."""
import json
import re
import subprocess
import sys

program, page = sys.argv[1:3]


def sentence(text):
    return text[0].upper() + text[1:] + '.'


def escaped(text):
    """Keep mdoc from taking a word of punctuation for punctuation."""
    return ' '.join('\\&' + word if word in list('][?:;,.()|!') else word
                    for word in text.split(' '))


def table(command):
    out = subprocess.run([program, command, '--json'], check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in out.splitlines()]


def problem_items():
    for problem in table('problems'):
        repair = ', ' + problem['repair'] if problem['repair'] else ''
        yield '.It Cm %s Pq %s%s' % (problem['code'], problem['severity'], repair)
        yield sentence(problem['found'])


def key_items():
    for row in table('keys'):
        if row['key']:
            where = ' Pq ' + row['views'] if row['views'] else ''
            yield '.It Ic ' + escaped(row['key']) + where
            yield sentence(row['help'])


def name_items():
    for row in table('keys'):
        if row['command']:
            yield '.It Ic ' + escaped(row['command'])
            yield sentence(row['help'])


with open(page) as f:
    text = f.read()
for mark, width, items in (('problems', 'Ds', problem_items()),
                           ('keys', '"S-Tab [ (Hex)"', key_items()),
                           ('names', '"entries [SEGMENT[:OFFSET]]"', name_items())):
    lines = ['.Bl -tag -width ' + width, *items, '.El']
    text = re.sub(r'(?s)(\.\\" begin %s\n).*?(\.\\" end %s\n)' % (mark, mark),
                  lambda found: found.group(1) + '\n'.join(lines) + '\n' + found.group(2), text)
with open(page, 'w') as f:
    f.write(text)
