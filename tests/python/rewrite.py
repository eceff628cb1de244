"""Loads an .npz file with NumPy and saves it again, so that members lie unaligned or compressed.

    python rewrite.py FROM.npz TO.npz stored|deflated [NAME VALUE]

With NAME, all elements of that array are set to VALUE first.
"""

import sys

import numpy as np

with np.load(sys.argv[1]) as file:
    arrays = dict(file)
if len(sys.argv) > 4:
    arrays[sys.argv[4]][...] = float(sys.argv[5])
save = np.savez_compressed if sys.argv[3] == "deflated" else np.savez
save(sys.argv[2], **arrays)
