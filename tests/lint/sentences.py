#!/usr/bin/env python3
"""What a dialect says otherwise is still said: each sentence of the tables of words in
engine/format/dialect.c occurs in a string of another source. Else nobody would notice that it is no
longer replaced."""
import os
import re
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIALECT = os.path.join('engine', 'format', 'dialect.c')
STRING = r'"((?:[^"\\\n]|\\.)*)"'


def joined(text):
    """The strings of a source, those that stand behind one another as one."""
    text = re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)
    for run in re.finditer(r'(?:%s\s*)+' % STRING, text):
        yield ''.join(re.findall(STRING, run.group()))


def replaced(text):
    """The sentences before the commas of the pairs."""
    for table in re.findall(r'_words\[\]\[2\] = \{(.*?)\n\};', text, re.S):
        for pair in re.findall(r'\{((?:\s*%s)+),' % STRING, table):
            yield ''.join(re.findall(STRING, pair[0]))


def sources(source):
    for folder in ('engine', 'src', 'ui'):
        for path, _, names in os.walk(os.path.join(source, folder)):
            for name in names:
                if name.endswith(('.c', '.h')):
                    yield os.path.join(path, name)


def errors(source):
    said = []
    for path in sources(source):
        if os.path.relpath(path, source) != DIALECT:
            with open(path, encoding='utf-8') as f:
                said += joined(f.read())
    said = '\n'.join(said)
    with open(os.path.join(source, DIALECT), encoding='utf-8') as f:
        wanted = list(replaced(f.read()))
    if len(wanted) < 10:
        return ['the tables of words in %s are not understood' % DIALECT]
    return ['%s: nothing says "%s"' % (DIALECT, words) for words in wanted if words not in said]


if __name__ == '__main__':
    wrong = errors(SOURCE)
    print('\n'.join(wrong))
    sys.exit(1 if wrong else 0)
