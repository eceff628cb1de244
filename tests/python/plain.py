"""Writes a plain .npy file.

    python plain.py FILE.npy
"""

import sys

import numpy as np

np.save(sys.argv[1], np.arange(12, dtype="<f4").reshape(3, 4))
