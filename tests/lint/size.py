#!/usr/bin/env python3
"""No function is longer than 70 lines, or has a statement nested more than three levels deep."""
import os
import re
import sys

import floors

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINES_MAX = 70			# from the first line of its declaration to the closing brace
NESTING_MAX = 3			# the statements of the function itself are at 0


def code_of(text):
    """The lines of a source, with comments and strings emptied."""
    def empty(match):
        return '""' if match.group()[0] != '/' else re.sub(r'[^\n]', '', match.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', empty, text,
                  flags=re.S).split('\n')


def functions(lines):
    """(name, number of its first line, lines of its declaration, lines of its body) of each."""
    for begin, line in enumerate(lines):
        if line != '{':
            continue
        first = begin
        while first > 0 and re.match(r'[^#;}]*$', lines[first - 1].strip() or ';'):
            first -= 1
        end = lines.index('}', begin)
        name = re.search(r'(\w+)\(', ' '.join(lines[first:begin]))
        yield name.group(1) if name else '?', first + 1, lines[first:begin], lines[begin:end + 1]


def nesting(body):
    """The deepest nesting of a statement, by indentation; lines that continue one do not count."""
    deepest = parentheses = 0
    first, is_new = '', True
    for line in body[1:-1]:
        code = line.strip()
        if not code or code.startswith('#'):
            continue
        if is_new:
            first = code
            deepest = max(deepest, len(line) - len(line.lstrip('\t')) - 1)
        parentheses += code.count('(') - code.count(')')
        is_new = parentheses == 0 and bool(
            re.search(r'[;{}]$|\b(else|do)$|^(case .*|\w+):$', code) or
            code.endswith(')') and re.match(r'(\} )?(else )?(if|for|while|switch)\b', first))
    return deepest


def errors(source):
    found = []
    for path in floors.source_files(source):
        with open(os.path.join(source, path)) as f:
            lines = code_of(f.read())
        for name, number, declaration, body in functions(lines):
            length, deepest = len(declaration) + len(body), nesting(body)
            if length > LINES_MAX:
                found.append('%s:%d: %s has %d lines' % (path, number, name, length))
            if deepest > NESTING_MAX:
                found.append('%s:%d: %s is nested %d levels deep' % (path, number, name, deepest))
    return found


if __name__ == '__main__':
    wrong = errors(SOURCE)
    print('\n'.join(wrong))
    sys.exit(1 if wrong else 0)
