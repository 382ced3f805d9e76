#!/usr/bin/env python3
"""No file includes a header above or beside its folder, or one that is private to another; and no
files of one folder call each other in a circle."""
import os
import sys

import floors

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

errors = floors.include_errors(SOURCE)
if 'BUILD_FOLDER' in os.environ:
    errors += floors.circle_errors(os.environ['BUILD_FOLDER'])
print('\n'.join(errors))
sys.exit(1 if errors else 0)
